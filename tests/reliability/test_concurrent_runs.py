"""One writer an experiment, any number of readers, and experiments that share only what is equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from .conftest import Undisturbed
from .faults import Pause
from .trials import PATIENCE, VERIFY, Trial, al_cycle, contents, fork_server, position

Copy = Callable[[Undisturbed, object], Path]


@contextmanager
def paused(project: Path, command: list[str], at: int) -> Iterator[tuple[Trial, BaseProcess]]:
    """A run that stands still at one of its operations while the block runs."""
    pause = Pause(fork_server().Event(), fork_server().Event())
    trial = Trial(project, [command], at, pause, name="paused")
    process = trial.start()
    try:
        assert pause.reached.wait(PATIENCE)
        yield trial, process
    finally:
        pause.go_on.set()


@pytest.mark.slow
def test_a_second_run_is_refused_and_readers_are_not(undisturbed: list[Undisturbed], copy: Copy) -> None:
    one, two = undisturbed[1:3]
    project = copy(one, "busy")
    with paused(project, al_cycle(2), at=len(two.operations) // 2) as (first, process):
        second = Trial(project, [al_cycle(2)], name="second").run()
        assert second.code == 1
        assert f"in use by process {process.pid} on " in second.said
        assert "Traceback" not in second.said
        reading = [["al", "status"], ["al", "why", "train/000000", "--params=strategy:margin"], VERIFY]
        reader = Trial(project, reading, name="reader").run()
        assert reader.code == 0, reader.said
        assert f"running (process {process.pid} on " in reader.said
        assert not [done for done in reader.operations if not done.startswith("open")]
        assert contents_of_experiment(project).items() >= contents_of_experiment(one.project).items()
    assert first.end(process).code == 0
    assert contents(project) == two.contents


def contents_of_experiment(project: Path) -> dict[str, str]:
    return {key: value for key, value in contents(project).items() if "/version 1/" in key}


@pytest.mark.slow
def test_two_strategies_that_ingest_at_once_share_one_content(
    undisturbed: list[Undisturbed], copy: Copy
) -> None:
    empty, one = undisturbed[:2]
    project = copy(empty, "shared")
    folder = position(one.operations, "os.mkdir", "03_primary/digits")
    images = folder + position(one.operations[folder:], "write", "")
    with paused(project, al_cycle(1), at=images) as (margin, process):
        entropy = al_cycle(1, ",strategy:entropy")
        other = Trial(project, [entropy], name="entropy").run()
        assert other.code == 0, other.said
    ended = margin.end(process)
    assert ended.code == 0, ended.said
    assert len([*(project / "data" / "03_primary" / "digits").iterdir()]) == 1
    assert one.contents.items() <= contents(project).items()
    assert " 0 problems" in Trial(project, [VERIFY]).run().said
