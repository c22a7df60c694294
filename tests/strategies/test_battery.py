from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import queryloop
from queryloop.errors import FaultyStrategyError, OptionsError
from queryloop.strategies import Strategy, battery, definitions, resolve
from queryloop.strategies.kinds import from_definition
from queryloop.strategies.registry import read

from .broken import FAULTS, broken, certain_first, formula
from .examples import UNREGISTERED

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
QUICK = {"discriminative": {"rounds": 2}}
SUBJECTS = [
    *(from_definition(definition, QUICK.get(definition.name, {})) for definition in definitions()),
    *(from_definition(read(function), {}) for function in UNREGISTERED),
    *map(resolve, BUILT),
]


@pytest.mark.parametrize("strategy", SUBJECTS, ids=lambda found: found.name)
@pytest.mark.parametrize("check", battery.CHECKS, ids=lambda check: check.__name__)
def test_every_strategy_keeps_every_promise(strategy: Strategy, check: Callable[[Strategy], None]) -> None:
    check(strategy)


@pytest.mark.parametrize(("check", "faulty"), FAULTS)
def test_a_fault_is_found_by_its_check_alone(check: str, faulty: Strategy) -> None:
    with pytest.raises(FaultyStrategyError) as found:
        queryloop.check_strategy(faulty)
    first, *lines = str(found.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"- {check}"]
    assert first == f"`{faulty.name}` fails 1 checks:"


def test_every_check_has_a_fault_to_find() -> None:
    assert [check.__name__ for check in battery.CHECKS] == [*dict.fromkeys(check for check, _ in FAULTS)]


def test_all_that_is_wrong_is_told_with_its_reason() -> None:
    def row_numbers(probs: Tensor) -> Tensor:
        return torch.arange(len(probs), dtype=probs.dtype)

    with pytest.raises(FaultyStrategyError, match="`row_numbers` fails 4 checks") as found:
        queryloop.check_strategy(row_numbers)
    assert "- copies_of_a_row_score_the_same: AssertionError: with each row twice: scores differ by" in str(
        found.value
    )


def test_a_sound_strategy_without_the_promise_may_take_copies_and_be_certain_first() -> None:
    queryloop.check_strategy(broken())
    queryloop.check_strategy(broken(bounds=(0.0, 1.0)))
    queryloop.check_strategy(formula(certain_first))


def test_an_uncertainty_of_draws_puts_the_uniform_row_first() -> None:
    queryloop.check_strategy(replace(resolve("bayesian_entropy"), family="uncertainty"))


@pytest.mark.parametrize(
    ("score", "kept"), [(0.0, True), (5e-7, True), (-5e-7, True), (2e-6, False), (-2e-6, False)]
)
def test_rounding_may_leave_the_bounds(score: float, kept: bool) -> None:
    def constant(probs: Tensor) -> Tensor:
        return torch.full((len(probs),), score, dtype=probs.dtype)

    subject = formula(constant, bounds=(0.0, 0.0))
    if kept:
        battery.scores_stay_in_their_bounds(subject)
    else:
        with pytest.raises(AssertionError, match=f"a score of {score:.6g} is"):
            battery.scores_stay_in_their_bounds(subject)


def test_a_name_and_a_function_are_checked_with_their_options() -> None:
    queryloop.check_strategy("margin")
    queryloop.check_strategy("power_entropy", beta=5.0)
    queryloop.check_strategy(UNREGISTERED[0], power=2.0)
    with pytest.raises(OptionsError, match="unknown option of `power_entropy` 'bta'"):
        queryloop.check_strategy("power_entropy", bta=5.0)
    with pytest.raises(
        OptionsError, match="`power_entropy` is resolved already: give its options to `resolv"
    ):
        queryloop.check_strategy(resolve("power_entropy"), beta=-1.0)
