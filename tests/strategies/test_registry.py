from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal

import pytest
import torch
from pydantic import Field
from torch import Tensor

from queryloop.errors import OptionsError
from queryloop.strategies import Strategy, definitions, registry, resolve, strategy
from queryloop.strategies.made_up import example
from queryloop.strategies.needs import JUDGED
from queryloop.strategies.noise import Noisy
from queryloop.strategies.registry import definition_of, find, is_registered, read
from queryloop.strategies.uncertainty import margin


@pytest.fixture(autouse=True)
def own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test registers is forgotten after it."""
    definitions()
    monkeypatch.setattr(registry, "_DEFINITIONS", dict(registry._DEFINITIONS))


def tempered(
    probs: Tensor,
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    rounds: int = 1,
    label: Literal["pseudo", "expected"] = "pseudo",
    sharp: bool = False,
    limit: int | None = None,
) -> Tensor:
    """First line.

    Second paragraph.
    """
    return probs[:, 0] ** temperature


def misspelt(prob: Tensor) -> Tensor: ...
def need_with_default(probs: Tensor | None = None) -> Tensor: ...
def need_as_option(*, n_classes: int = 10) -> Tensor: ...
def option_without_type(probs: Tensor, *, beta=1.0) -> Tensor: ...
def option_without_default(probs: Tensor, *, beta: float) -> Tensor: ...
def option_by_position(probs: Tensor, beta: float = 1.0) -> Tensor: ...
def option_called_seed(probs: Tensor, *, seed: int = 0) -> Tensor: ...
def any_arguments(probs: Tensor, *args: Tensor) -> Tensor: ...
def any_keywords(probs: Tensor, **options: float) -> Tensor: ...


BAD = {
    misspelt: "prob",
    need_with_default: "probs",
    need_as_option: "n_classes",
    option_without_type: "beta",
    option_without_default: "beta",
    option_by_position: "beta",
    option_called_seed: "seed",
    any_arguments: "args",
    any_keywords: "options",
}


@pytest.mark.parametrize(
    ("function", "parameter"), BAD.items(), ids=lambda case: getattr(case, "__name__", case)
)
def test_a_strange_parameter_is_refused_at_import(function: Callable, parameter: str) -> None:
    words = (
        rf"strategy '{function.__name__}': parameter '{parameter}' is none of these.*mc_probs.*`generator`"
    )
    with pytest.raises(TypeError, match=words):
        strategy(family="test", source="here")(function)


def test_the_signature_tells_needs_and_options() -> None:
    found = read(tempered)
    assert found.needs == {"probs"}
    assert list(found.options) == ["temperature", "rounds", "label", "sharp", "limit"]
    assert (found.name, found.family, found.source, found.summary) == (
        "tempered",
        "custom",
        "",
        "First line.",
    )
    assert not found.batch
    assert not found.draws


def test_k_and_generator_are_no_needs() -> None:
    def batch(probs: Tensor, k: int, generator: torch.Generator) -> Tensor: ...

    found = read(batch)
    assert found.needs == {"probs"}
    assert found.batch
    assert found.draws


def test_the_decorator_leaves_the_function_as_it_is() -> None:
    assert strategy(family="test", source="here")(tempered) is tempered
    assert find("tempered").function is tempered


def test_what_is_declared_is_carried_to_the_strategy() -> None:
    strategy(family="test", source="here", bounds=(0, None), members="ensemble")(tempered)
    found = resolve("tempered")
    assert (found.family, found.source, found.bounds, found.members) == (
        "test",
        "here",
        (0, None),
        "ensemble",
    )


def test_a_name_is_taken_once() -> None:
    strategy(family="test", source="here")(tempered)
    with pytest.raises(ValueError, match="named 'tempered' is registered already"):
        strategy(family="test", source="there")(tempered)


def test_an_alias_fixes_options() -> None:
    strategy(family="test", source="here", aliases={"hot": {"temperature": 2.0}})(tempered)
    hot = resolve("hot", {"sharp": True})
    probs = example()["probs"]
    assert find("hot").alias_of == "tempered"
    assert hot.options == {"rounds": 1, "label": "pseudo", "sharp": True, "limit": None}
    assert hot.score({"probs": probs}, 0).tolist() == (probs[:, 0] ** 2).tolist()
    with pytest.raises(OptionsError, match="unknown option of `hot` 'temperature'"):
        resolve("hot", {"temperature": 1.0})


def test_a_name_that_is_registered_is_no_wrapper() -> None:
    def power_margin(probs: Tensor) -> Tensor:
        """Mine."""
        return probs[:, 0]

    assert isinstance(resolve("power_margin"), Noisy)
    strategy(family="test", source="here")(power_margin)
    assert resolve("power_margin").source == "here"
    assert is_registered("power_margin")
    assert not is_registered("softmax_margin")


def test_an_alias_of_an_unknown_option_is_refused() -> None:
    with pytest.raises(OptionsError, match="unknown option of `tempered` 'heat'"):
        strategy(family="test", source="here", aliases={"hot": {"heat": 2.0}})(tempered)


def test_a_registered_function_keeps_what_it_declared() -> None:
    assert definition_of(margin) is find("margin")
    assert definition_of(tempered).family == "custom"


def test_the_five_are_there() -> None:
    assert {"random", "least_confidence", "margin", "ratio", "entropy"} <= {
        found.name for found in definitions()
    }
    assert [found.name for found in definitions()] == sorted(found.name for found in definitions())


def test_every_strategy_says_where_it_comes_from() -> None:
    for found in definitions():
        assert found.family
        assert found.source
        assert found.summary.endswith((".", "]"))


def test_what_an_auxiliary_fills_is_asked_for_by_who_declares_it() -> None:
    for found in definitions():
        asked = [fillers for need, fillers in JUDGED.items() if need in found.needs]
        assert all(found.auxiliary in fillers for fillers in asked)
        assert asked or found.auxiliary == "none"


def test_those_that_let_copies_wait() -> None:
    waiting = {found.name for found in definitions() if found.diverse}
    assert waiting == {"badge", "core_set", "k_means", "max_herding", "prob_cover", "typiclust"}


def test_who_asks_for_a_committee_gets_networks() -> None:
    ensembles = {found.name for found in definitions() if found.members == "ensemble"}
    committee = {found.name for found in definitions() if found.family == "committee"}
    assert ensembles == committee | {"consensus_entropy"}


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(
        OptionsError, match=r"unknown strategy 'margn'\. Did you mean 'margin'.*Available: .*entropy"
    ):
        resolve("margn")


def test_an_unknown_option_gets_the_nearest() -> None:
    strategy(family="test", source="here")(tempered)
    with pytest.raises(
        OptionsError, match=r"'temprature'\. Did you mean 'temperature'\? Available: label, limit"
    ):
        resolve("tempered", {"temprature": 2})


def test_a_strategy_without_options_says_so() -> None:
    with pytest.raises(OptionsError, match="`margin` has no options, but 'beta' was given"):
        resolve("margin", {"beta": 1})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("temperature", 2),
        ("temperature", 0.5),
        ("rounds", 3),
        ("label", "expected"),
        ("sharp", True),
        ("limit", None),
    ],
)
def test_an_option_of_the_right_type_is_taken(option: str, value: Any) -> None:
    assert read(tempered).settled({option: value})[option] == value


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("temperature", "hot", "valid number"),
        ("temperature", True, "valid number"),
        ("temperature", 0.0, "greater than 0"),
        ("rounds", 1.5, "integer"),
        ("rounds", "3", "integer"),
        ("label", "true", "'pseudo' or 'expected'"),
        ("sharp", 1, "boolean"),
        ("limit", "all", "integer"),
    ],
)
def test_an_option_of_another_type_is_refused(option: str, value: Any, rule: str) -> None:
    with pytest.raises(OptionsError, match=rf"option '{option}' of `tempered` is {value!r}: .*{rule}"):
        read(tempered).settled({option: value})


def test_nothing_that_describes_a_strategy_can_be_changed() -> None:
    definitions()
    modules = [module for name, module in sys.modules.items() if name.startswith("queryloop.strategies.")]
    kinds = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and is_dataclass(kind)
    }
    assert {kind.__name__ for kind in kinds} >= {"Definition", "Strategy", "Evidence", "Leaf", "Need"}
    assert all(kind.__dataclass_params__.frozen for kind in kinds)
    strategies = [kind for kind in kinds if issubclass(kind, Strategy)]
    assert all(field.kw_only for kind in strategies for field in fields(kind))
