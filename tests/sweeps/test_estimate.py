"""How long a sweep will take."""

from __future__ import annotations

from contextlib import chdir
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from queryloop.errors import StateError
from queryloop.options.nnunet import NnUNetOptions
from queryloop.sweeps import estimate
from queryloop.sweeps.plan import plan
from queryloop.sweeps.written import Group, SweepOptions

from ..shell.tiny import Tiny


class Seen:
    """In the place of a worker: it keeps what it was given."""

    runtime: dict[str, Any]

    def __init__(self, _project: Any, _env: Any, runtime: dict[str, Any], *_: Any) -> None:
        Seen.runtime = runtime

    def failure(self) -> str:
        return "it was only looked at."


@dataclass
class Left:
    """As much of a planned experiment as an estimate looks at."""

    strategy: str
    n_left: int
    rows: tuple[tuple[str, float], ...] = ()

    @property
    def options(self) -> SimpleNamespace:
        return SimpleNamespace(strategy=self.strategy)

    @property
    def run(self) -> SimpleNamespace:
        return SimpleNamespace(timings=lambda: pd.DataFrame(self.rows, columns=["stage", "seconds"]))


def test_more_workers_than_experiments_are_no_faster() -> None:
    one, many = [Left("margin", 10)], [Left("margin", 10) for _ in range(8)]
    assert estimate.seconds_left(one, {"margin": 60.0}, 8) == 600
    assert estimate.seconds_left(many, {"margin": 60.0}, 4) == 1200
    assert estimate.seconds_left([*one, Left("margin", 0)], {"margin": 60.0}, 1) == 600


def test_what_is_done_once_is_no_part_of_a_cycle() -> None:
    timed = Left("margin", 1, (("ingest", 600.0), ("cycle", 610.0), ("train", 9.0), ("cycle", 10.0)))
    other = Left("random", 1, (("cycle", 4.0),))
    assert estimate.seconds_a_cycle([timed, other]) == {"margin": 10.0, "random": 4.0}


def test_paths_of_the_project_hold_where_a_cycle_is_timed(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "Worker", Seen)
    monkeypatch.setattr(estimate, "stop", lambda _: None)
    given = {"model": {"width": 4}, "query": {"size": 5}}
    with chdir(tiny.folder):
        (planned,) = plan(None, given, [Group()], SweepOptions(strategies=["margin"], seeds=1), 1)
    options = planned.options
    model = options.model.model_copy(update={"nnunet": NnUNetOptions(trained="nets/fine")})
    query = options.query.model_copy(update={"loops": "loops"})
    chosen = options.model_copy(update={"model": model, "query": query, "raw_root": "/raw"})
    with pytest.raises(StateError, match="only looked at"):
        estimate.timed_cycle(replace(planned, options=chosen), tiny.folder, None)
    assert Seen.runtime["raw_root"] == "/raw"
    assert Seen.runtime["model"] == {"width": 4, "nnunet": {"trained": f"{tiny.folder}/nets/fine"}}
    assert Seen.runtime["query"] == {"size": 5, "loops": f"{tiny.folder}/loops"}
