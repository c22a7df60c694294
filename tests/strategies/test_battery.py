from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import queryloop
from queryloop.errors import FaultyStrategyError, OptionsError
from queryloop.strategies import Picks, Strategy, battery, definitions, resolve
from queryloop.strategies.kinds import from_definition
from queryloop.strategies.registry import read

from .examples import FAULTY, UNREGISTERED

BUILT = [
    "power_entropy",
    "power_bald",
    "power_margin",
    "softmax_entropy",
    "softrank_bald",
    "softrank_cal",
    "class_balanced_margin",
    "class_balanced_power_entropy",
    "entropy+model_outliers_mean",
    "margin+bald+badge",
    "entropy+power_bald",
]
SUBJECTS = [
    *(from_definition(definition, {}) for definition in [*definitions(), *map(read, UNREGISTERED)]),
    *map(resolve, BUILT),
]


@pytest.mark.parametrize("strategy", SUBJECTS, ids=lambda found: found.name)
@pytest.mark.parametrize("check", battery.CHECKS, ids=lambda check: check.__name__)
def test_every_strategy_keeps_every_promise(strategy: Strategy, check: Callable[[Strategy], None]) -> None:
    check(strategy)


@pytest.mark.parametrize(
    ("function", "check"), FAULTY.items(), ids=lambda case: getattr(case, "__name__", case)
)
def test_the_battery_finds_the_faults_of_others(function: Callable[..., Any], check: str) -> None:
    faulty = from_definition(replace(read(function), family="uncertainty"), {})
    with pytest.raises(FaultyStrategyError, match=f"- {check}: "):
        queryloop.check_strategy(faulty)


def test_a_promise_of_diversity_is_checked() -> None:
    def first_rows(embeddings: Tensor, k: int) -> Picks:
        order = torch.argsort(embeddings[:, 0])
        return Picks(order[:k], embeddings[order[:k], 0])

    careless = from_definition(replace(read(first_rows), diverse=True), {})
    with pytest.raises(FaultyStrategyError, match="a_copy_of_a_chosen_row_waits"):
        queryloop.check_strategy(careless)


def test_a_name_and_a_function_are_checked_with_their_options() -> None:
    queryloop.check_strategy("margin")
    queryloop.check_strategy("power_entropy", beta=5.0)
    queryloop.check_strategy(UNREGISTERED[0], power=2.0)
    with pytest.raises(OptionsError, match="unknown option of `power_entropy` 'bta'"):
        queryloop.check_strategy("power_entropy", bta=5.0)
