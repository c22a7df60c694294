"""`kedro run` as users start it: killed and interrupted from outside, and in other surroundings."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import TimeoutExpired

import numpy as np
import pytest

from ..projects import kedro, start_kedro
from .conftest import Undisturbed
from .trials import FULL, INTERRUPTED, VERIFY, Trial, al_cycle, contents

Copy = Callable[[Undisturbed, object], Path]
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def killed_after(seconds: float, project: Path) -> bool:
    """Start the run, kill it after so many seconds, repeat it: whether the kill came in time."""
    with start_kedro(project, *al_cycle(3), **ONE_THREAD) as process:
        try:
            process.communicate(timeout=seconds)
        except TimeoutExpired:
            process.kill()
    again = kedro(project, *al_cycle(3), **ONE_THREAD)
    assert again.returncode == 0, again.stderr
    return process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_kills_at_random_moments_change_no_result(undisturbed: list[Undisturbed], copy: Copy) -> None:
    began = time.monotonic()
    assert kedro(copy(undisturbed[0], "measured"), *al_cycle(3), **ONE_THREAD).returncode == 0
    duration = time.monotonic() - began
    n = 30 if FULL else 3
    projects = [copy(undisturbed[0], i) for i in range(n)]
    moments = (np.arange(n) + np.random.default_rng(0).random(n)) / n * duration
    with ThreadPoolExecutor(2) as pool:
        killed = list(pool.map(killed_after, moments, projects))
    assert sum(killed) >= n / 2, "most kills came after the end: the measured run was too slow"
    for project in projects:
        assert contents(project) == undisturbed[3].contents
        assert " 0 problems" in Trial(project, [VERIFY]).run().said


@pytest.mark.slow
def test_ctrl_c_ends_in_a_sentence_and_the_same_command_goes_on(
    undisturbed: list[Undisturbed], copy: Copy
) -> None:
    project = copy(undisturbed[0], "interrupted")
    with start_kedro(project, *al_cycle(3), **ONE_THREAD) as process:
        first_cycle = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate()
    assert first_cycle.startswith("cycle 1 of 3")
    assert process.returncode == 128 + signal.SIGINT
    assert complaint == INTERRUPTED
    assert kedro(project, *al_cycle(3), **ONE_THREAD).returncode == 0
    assert contents(project) == undisturbed[3].contents


@pytest.mark.slow
def test_results_depend_neither_on_hashing_nor_on_workers_nor_on_pauses(
    undisturbed: list[Undisturbed], copy: Copy
) -> None:
    surroundings = [("1", ",data.workers:1"), ("2", ",data.workers:2")]
    for seed, workers in surroundings:
        project = copy(undisturbed[0], seed)
        ended = kedro(project, *al_cycle(3, workers), PYTHONHASHSEED=seed, **ONE_THREAD)
        assert ended.returncode == 0, ended.stderr
        assert contents(project) == undisturbed[3].contents
