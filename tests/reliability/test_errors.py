"""A disk that is full or broken, and Ctrl-C, end a run in one sentence; the same command goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest

from .conftest import Undisturbed
from .faults import BATCH, broken_disk, full_disk, interrupt, terminate
from .trials import Ended, Trial, al_cycle, contents, recovered, run_all, sample

Copy = Callable[[Undisturbed, object], Path]


def is_one_paragraph(end: Ended) -> bool:
    """Whether a run said once and without a traceback what stopped it."""
    complaints = [line for line in end.said.splitlines() if line.startswith(("Error: ", "Interrupted. "))]
    return len(complaints) == 1 and complaints == end.said.splitlines()[-1:] and "Traceback" not in end.said


@pytest.mark.slow
@pytest.mark.parametrize(("n_cycles", "n"), [(1, 3), (2, 9)], ids=["first cycle", "later cycle"])
def test_an_error_at_any_operation_is_told_and_changes_no_result(
    undisturbed: list[Undisturbed], copy: Copy, n_cycles: int, n: int
) -> None:
    begin, end = undisturbed[n_cycles - 1], undisturbed[n_cycles]
    numbers = sample([i for i, said in enumerate(end.operations, 1) if said != BATCH], n)
    trials = [
        Trial(copy(begin, number), [al_cycle(n_cycles)], number, strike)
        for number, strike in zip(numbers, cycle([full_disk, broken_disk, interrupt]), strict=False)
    ]
    for trial, ended in zip(trials, run_all(trials), strict=True):
        code = 128 + signal.SIGINT if trial.strike is interrupt else 1
        stopped = ended.code == code and is_one_paragraph(ended)
        harmless = ended.code == 0 and trial.strike is not interrupt
        assert stopped or harmless, f"{end.operations[trial.at - 1]}: {ended.code}: {ended.said}"
        assert begin.contents.items() <= contents(trial.project).items()
    assert recovered([trial.project for trial in trials], al_cycle(n_cycles), end.contents) == []


@pytest.mark.slow
@pytest.mark.parametrize(("strike", "code"), [(interrupt, 130), (terminate, 143)])
def test_a_signal_within_a_training_stops_it_and_changes_no_result(
    undisturbed: list[Undisturbed], copy: Copy, strike: Callable[[str], None], code: int
) -> None:
    one, two = undisturbed[1:3]
    project, second_batch = copy(one, "stopped"), two.operations.index(BATCH) + 2
    ended = Trial(project, [al_cycle(2)], second_batch, strike).run()
    assert (ended.operations[second_batch - 1], ended.code) == (BATCH, code)
    assert "Traceback" not in ended.said
    assert code == 143 or "the same command goes on after what was finished" in ended.said
    assert recovered([project], al_cycle(2), two.contents) == []
