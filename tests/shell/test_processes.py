"""The commands as a person types them, each a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..projects import kedro, make_project
from .tiny import Tiny

COMMAND = ("run", "--pipeline=al_cycle", "--params=strategy:entropy")
NOISE = re.compile(r"deprecat|warn|traceback|\bINFO\b", re.IGNORECASE)

Done = subprocess.CompletedProcess[str]


def succeeded(done: Done) -> str:
    """What a quiet success printed."""
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert not NOISE.search(done.stdout)
    return done.stdout


def cycles(printed: str) -> list[list[str]]:
    """Cycle and labels of each row of the closing table."""
    return [line.split()[:2] for line in printed.splitlines() if re.match(r" +\d+ +[\d,]+ +0\.\d", line)]


def module(project: Path, *arguments: str) -> Done:
    return subprocess.run(
        [sys.executable, "-m", "queryloop", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )


def test_users_command_runs_quietly_and_does_nothing_twice(tiny: Tiny) -> None:
    printed = succeeded(kedro(tiny.folder, *COMMAND))
    assert cycles(printed) == [["1", "20"], ["2", "40"]]
    for fragment in (
        "data/08_reporting/digits/main/entropy/seed_0",
        "n_cycles=7",
        "kedro al why",
        "kedro viz",
    ):
        assert fragment in printed
    before = tiny.tree()
    again = succeeded(module(tiny.folder, *COMMAND[1:]))
    assert "All 2 cycles are done" in again
    assert tiny.tree() == before


def test_a_folder_of_the_project_is_as_quiet_as_its_root(tiny: Tiny) -> None:
    done = kedro(tiny.folder / "conf", *COMMAND)
    first, *_, last = cycles(done.stdout)
    assert (first, last) == (["1", "20"], ["2", "40"])
    assert done.stdout.count("INFO") == 1  # Kedro's own, of its logging, before any project is known


@pytest.mark.slow
def test_a_sweep_shows_where_an_experiment_failed_if_asked_to(begun: Tiny) -> None:
    sweep = ("al", "sweep", "--strategies=entropy", "--seeds=1", "--params=training.epochs:3")
    failed = kedro(begun.folder, *sweep, QUERYLOOP_DEBUG="1")
    assert failed.returncode == 1
    assert "Traceback (most recent call last):" in failed.stderr
    assert "training.epochs: 2 -> 3" in failed.stderr


def test_refusal_is_one_paragraph_on_stderr(tiny: Tiny) -> None:
    done = kedro(tiny.folder, *COMMAND[:2], "--params=strategy:entrpy")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tiny.folder / "data").exists()


@pytest.mark.slow
def test_users_command_as_the_project_is_delivered(tmp_path: Path) -> None:
    tiny = Tiny(make_project(tmp_path / "project"))
    expected = [[str(cycle), str(20 * cycle)] for cycle in range(1, 6)]
    assert cycles(succeeded(kedro(tiny.folder, *COMMAND))) == expected
    assert len(tiny.history("labeled_index", strategy="entropy")) == 5
    before = tiny.tree()
    assert "All 5 cycles are done" in succeeded(kedro(tiny.folder, *COMMAND))
    assert tiny.tree() == before
    more = succeeded(kedro(tiny.folder, *COMMAND[:2], f"{COMMAND[2]},n_cycles:6"))
    assert cycles(more) == [*expected, ["6", "120"]]
    assert tiny.load("metrics", strategy="entropy")["accuracy"].iloc[-1] > 0.8
    assert before.items() <= tiny.tree().items()


@pytest.mark.slow
def test_module_is_the_same_command(tiny: Tiny) -> None:
    printed = succeeded(module(tiny.folder, *COMMAND[1:]))
    assert cycles(printed) == [["1", "20"], ["2", "40"]]
