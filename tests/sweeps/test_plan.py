"""What experiments of a sweep come to before they run."""

from __future__ import annotations

from contextlib import chdir

import pytest
import torch

from queryloop.sweeps.plan import plan
from queryloop.sweeps.written import Group, SweepOptions

from ..shell.tiny import Tiny


def test_a_seed_runs_with_all_strategies_before_the_next(tiny: Tiny) -> None:
    sweep = SweepOptions(strategies=["random", "margin"], seeds=[3, 1])
    with chdir(tiny.folder):
        planned = plan(None, {"n_cycles": 1}, [Group()], sweep, workers=2)
    order = [(each.options.seed, each.options.strategy) for each in planned]
    assert order == [(3, "random"), (3, "margin"), (1, "random"), (1, "margin")]


def threads(tiny: Tiny, strategy: str, workers: int) -> int:
    with chdir(tiny.folder):
        auto = {"n_cycles": 1, "training": {"threads": "auto"}}
        (planned,) = plan(None, auto, [Group()], SweepOptions(strategies=[strategy], seeds=1), workers)
    return planned.threads


def test_what_comes_later_computes_on_the_threads_of_those_it_is_compared_with(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    assert threads(tiny, "margin", workers=2) == 3
    assert tiny.run("strategy:random,n_cycles:1,training.threads:2").exit_code == 0
    assert threads(tiny, "random", workers=2) == 2
    assert threads(tiny, "margin", workers=2) == 2
    assert threads(tiny, "margin", workers=1) == 2
