"""What a sweep says of itself while it runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from queryloop.sweeps import screen
from queryloop.sweeps.screen import Screen


class MadeUp(SimpleNamespace):
    """In the place of a planned experiment of four cycles."""

    options = SimpleNamespace(n_cycles=4)
    is_complete = False
    run = SimpleNamespace(
        metrics=pd.DataFrame({"strategy": ["margin"], "n_labeled": [20], "accuracy": [0.5]})
    )

    @property
    def n_left(self) -> int:
        return max(0, 4 - self.n_committed)

    def __str__(self) -> str:
        return self.name


def test_what_failed_is_counted_once_and_leaves_no_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 20.0])
    monkeypatch.setattr(screen, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    changed, good, last = [MadeUp(name=name, n_committed=n) for name, n in (("a", 4), ("b", 0), ("c", 0))]
    planned: Any = [changed, good, last]
    with Screen(planned) as told:
        told.ended(planned[0], "other settings")
        good.n_committed = 1
        told.look([planned[1]])
        told.ended(planned[1], "a disk is full")
        last.n_committed = 4
        told.look([planned[2]])
        told.ended(planned[2], None)
    assert capsys.readouterr().out.splitlines() == [
        "1 of 3: a failed: other settings",
        "2 of 3: b failed: a disk is full; about 80 s left",
        "3 of 3: c done: 4 cycles, 20 labels, accuracy 0.5000",
    ]
