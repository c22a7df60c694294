from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from queryloop.errors import OptionsError
from queryloop.options import ExperimentOptions, StartOptions
from queryloop.parsing import parse

LEAST = {
    "experiment": "main",
    "dataset": "digits",
    "strategy": "random",
    "seed": 0,
    "n_cycles": 5,
    "raw_root": "data/01_raw",
}
GROUPS = {
    name: field.annotation
    for name, field in ExperimentOptions.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}


def refused(**changes: Any) -> str:
    with pytest.raises(OptionsError) as caught:
        parse({**LEAST, **changes})
    return str(caught.value)


def test_identity_and_cycles_are_all_that_must_be_given() -> None:
    options = parse(LEAST)
    assert options.model_dump(include=LEAST.keys()) == LEAST


@pytest.mark.parametrize("key", LEAST)
def test_missing_key_is_named(key: str) -> None:
    with pytest.raises(OptionsError, match=f"'{key}' is missing"):
        parse({name: value for name, value in LEAST.items() if name != key})


@pytest.mark.parametrize("group", GROUPS)
def test_no_group_takes_an_unknown_key_or_a_bare_value(group: str) -> None:
    near = next(iter(GROUPS[group].model_fields))
    message = refused(**{group: {f"{near}x": 1}})
    assert f"unknown parameter '{group}.{near}x'" in message
    assert f"'{group}.{near}'" in message
    fields = GROUPS[group].model_fields
    typed = next((f"{key}:resnet18" for key in ("name", "size") if key in fields), "KEY:VALUE")
    message = refused(**{group: "resnet18"})
    assert f"write {group}.{typed}" in message
    assert message.endswith(f"of its keys: {', '.join(fields)}.")


@pytest.mark.parametrize("group", GROUPS)
def test_options_cannot_be_changed(group: str) -> None:
    options = getattr(parse(LEAST), group)
    with pytest.raises(ValidationError):
        setattr(options, next(iter(GROUPS[group].model_fields)), 1)


WRONG: list[tuple[str, Any, str]] = [
    ("experiment", "", "''"),
    ("experiment", "../up", "'../up'"),
    ("experiment", "a b", "'a b'"),
    ("experiment", ".hidden", "'.hidden'"),
    ("experiment", 1.1, "read as the value 1.1: write it in quotes"),
    ("experiment", True, "read as the value True: write it in quotes"),
    ("strategy", None, "read as the value None"),
    ("dataset", "MNIST", "'MNIST'"),
    ("strategy", "a/b", "'a/b'"),
    ("seed", -1, "-1: input should be greater than or equal to 0"),
    ("seed", "one", "'one'"),
    ("seed", 1.0, "1.0"),
    ("seed", True, "True"),
    ("n_cycles", 0, "0: input should be greater than or equal to 1"),
    ("n_cycles", 1.5, "1.5"),
    ("strategy_options", "x", "group"),
]


@pytest.mark.parametrize(("key", "value", "told"), WRONG)
def test_wrong_value_is_named_with_its_rule(key: str, value: Any, told: str) -> None:
    message = refused(**{key: value})
    assert message.startswith(f"parameter '{key}' is ")
    assert told in message


IN_GROUPS: list[tuple[str, str, Any]] = [
    ("data", "test", -0.1),
    ("data", "validation", -1),
    ("data", "validation", 1.5),
    ("data", "workers", 0),
    ("data", "patient", "p[0-9]+"),
    ("data", "patient", "(p)([0-9]+)"),
    ("data", "patient", "(p"),
    ("data", "spacing", 0),
    ("data", "spacing", -1.0),
    ("data", "spacing", "fine"),
    ("data", "spacing", "1+2"),
    ("data", "spacing", "1+0+1"),
    ("data", "spacing", [1.0, 2.0]),
    ("data", "spacing", [1.0, 0.0, 1.0]),
    ("data", "spacing", float("inf")),
    ("data", "normalisation", "CT"),
    ("start", "sampler", "fair"),
    ("query", "candidates", 0),
    ("query", "size", "many"),
    ("query", "box", "8+8.5+8"),
    ("query", "stride", "2+2"),
    ("model", "dropout", 1),
    ("model", "width", 0),
    ("training", "epochs", 0),
    ("training", "learning_rate", 0),
    ("training", "optimizer", "adam"),
    ("training", "precision", "16"),
    ("training", "threads", 0),
    ("oracle", "noise", 1.01),
]


@pytest.mark.parametrize(("group", "key", "value"), IN_GROUPS)
def test_wrong_value_in_a_group_is_named_once(group: str, key: str, value: Any) -> None:
    message = refused(**{group: {key: value}})
    assert message.count(f"parameter '{group}.{key}' is {value!r}: ") == 1
    assert message.count("parameter") == 1


def test_all_wrong_keys_are_named_at_once() -> None:
    message = refused(seed=-1, n_cycles=0, query={"sise": 2})
    assert all(f"'{key}'" in message for key in ("seed", "n_cycles", "query.sise"))


def test_three_sides_can_be_written_without_commas() -> None:
    given = parse({**LEAST, "data": {"spacing": "5+1.5+1"}, "query": {"box": "8+32+16"}})
    assert given.data.spacing == (5, 1.5, 1)
    assert given.query.box == (8, 32, 16)


def test_text_that_looks_like_a_number_stays_a_name() -> None:
    assert parse({**LEAST, "experiment": 2024}).experiment == "2024"


@given(st.integers(min_value=1, max_value=10**9))
def test_whole_size_is_a_count(n: int) -> None:
    assert StartOptions(size=float(n)).size == n
    assert isinstance(StartOptions(size=float(n)).size, int)


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
def test_size_below_one_is_a_share(share: float) -> None:
    assert StartOptions(size=share).size == share


@given(
    st.floats(max_value=0)
    | st.floats(min_value=1, exclude_min=True).filter(lambda size: size != size // 1)
    | st.just(float("nan"))
)
def test_any_other_size_is_refused(size: float) -> None:
    assert "a size is a count" in refused(start={"size": size})


def test_zero_validation_is_none() -> None:
    assert parse({**LEAST, "data": {"validation": 0}}).data.validation == 0


@pytest.mark.parametrize(
    ("levels", "said"),
    [({"low": 0.9}, "set both, or none"), ({"low": 1, "high": 0.9}, "low must be less than high")],
)
def test_ends_of_levels_go_together_and_in_order(levels: dict[str, float], said: str) -> None:
    message = refused(comparison={"levels": levels})
    assert "comparison.levels" in message
    assert said in message
