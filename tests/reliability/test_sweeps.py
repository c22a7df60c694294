"""`kedro al sweep` as users start it, killed and interrupted: the same command goes on to the same tables."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ..projects import kedro, start_kedro
from .conftest import Undisturbed
from .test_processes import ONE_THREAD
from .trials import FULL, INTERRUPTED, TINY, VERIFY, Trial, contents

Copy = Callable[[Undisturbed, object], Path]
N_CYCLES = 8
SETTINGS = TINY.replace("strategy:margin,", "")
SWEEP = (
    "al",
    "sweep",
    "--strategies=random,margin",
    "--seeds=2",
    "--workers=2",
    f"--params=n_cycles:2,{SETTINGS}",
)


def committed(project: Path) -> int:
    return len([*project.glob("data/05_model_input/**/labeled_index.parquet/*/labeled_index.parquet")])


def at_cycle(process: subprocess.Popen[str], project: Path, n: float) -> None:
    """Wait until so many cycles are committed, or the process has ended."""
    while process.poll() is None and committed(project) < int(n):
        time.sleep(0.02)


def at_rest(project: Path) -> bool:
    """Whether no process that a sweep started works in the project any more."""
    links = [path for path in Path("/proc").glob("[0-9]*/cwd") if os.access(path, os.R_OK)]
    return not any(path.exists() and path.resolve() == project for path in links)


@pytest.fixture
def wanted(undisturbed: list[Undisturbed], copy: Copy) -> dict[str, str]:
    project = copy(undisturbed[0], "wanted")
    ended = kedro(project, *SWEEP, **ONE_THREAD)
    assert ended.returncode == 0, ended.stderr
    assert committed(project) == N_CYCLES
    return contents(project)


@pytest.mark.slow
def test_a_sweep_killed_at_random_moments_ends_with_the_same_tables(
    undisturbed: list[Undisturbed], copy: Copy, wanted: dict[str, str]
) -> None:
    project = copy(undisturbed[0], "killed")
    draw = np.random.default_rng(0)
    n = 10 if FULL else 3
    for moment in np.sort(draw.uniform(0, N_CYCLES, n)):
        with start_kedro(project, *SWEEP, **ONE_THREAD) as process:
            at_cycle(process, project, moment)
            time.sleep(draw.uniform(0, 1))
            process.kill()
    ended = kedro(project, *SWEEP, **ONE_THREAD)
    assert ended.returncode == 0, ended.stderr
    assert contents(project) == wanted
    assert " 0 problems" in Trial(project, [VERIFY]).run().said


@pytest.mark.slow
def test_ctrl_c_ends_a_sweep_with_its_processes(
    undisturbed: list[Undisturbed], copy: Copy, wanted: dict[str, str]
) -> None:
    project = copy(undisturbed[0], "interrupted")
    with start_kedro(project, *SWEEP, **ONE_THREAD) as process:
        at_cycle(process, project, 1)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
    assert process.returncode == 128 + signal.SIGINT
    assert complaint == INTERRUPTED
    assert at_rest(project)
    assert 0 < committed(project) < N_CYCLES
    again = kedro(project, *SWEEP, **ONE_THREAD)
    assert again.returncode == 0, again.stderr
    assert contents(project) == wanted
