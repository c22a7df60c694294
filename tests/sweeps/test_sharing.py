"""What experiments of a sweep wait for, so that nothing is made twice."""

from __future__ import annotations

from contextlib import chdir
from typing import Any

from queryloop.sweeps.plan import Planned, plan
from queryloop.sweeps.sharing import next_of
from queryloop.sweeps.written import Group, SweepOptions

from ..shell.tiny import Tiny


def planned(tiny: Tiny, seeds: int = 1, **params: Any) -> list[Planned]:
    """Of random and bald, whose networks differ, with dropout for bald."""
    with chdir(tiny.folder):
        sweep = SweepOptions(strategies=["random", "bald"], seeds=seeds)
        return plan(None, params, [Group()], sweep, workers=2)


def test_a_data_set_is_read_by_one_and_then_networks_are_waited_for_alone(tiny: Tiny) -> None:
    random, bald = planned(tiny)
    assert next_of([bald], [random], set()) is None
    assert tiny.run("strategy:margin,experiment:other,n_cycles:1").exit_code == 0
    random, bald, later, _ = planned(tiny, seeds=2)
    assert next_of([bald], [random], set()) is bald
    (margin,) = [one for one in planned(tiny) if one.options.strategy == "random"]
    assert next_of([margin, later], [random], set()) is later


def test_features_of_one_trunk_are_computed_by_one(tiny: Tiny) -> None:
    frozen = {"model": {"freeze": "trunk"}}
    assert tiny.run("strategy:margin,experiment:other,n_cycles:1").exit_code == 0
    random, bald, later, _ = planned(tiny, seeds=2, **frozen)
    assert next_of([bald], [random], set()) is None
    assert next_of([bald, later], [random], set()) is later  # another seed is another random trunk
    wide = planned(tiny, model={"freeze": "trunk", "width": 4})
    assert next_of(wide[1:], [random], set()) is wide[1]
