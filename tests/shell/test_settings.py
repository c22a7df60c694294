from __future__ import annotations

import pytest

from queryloop.parsing import parse
from queryloop.recorded import settings_of

IDENTITY = {"experiment": "main", "dataset": "digits", "strategy": "random", "seed": 0}


def recorded(**groups: object) -> dict[str, object]:
    return settings_of(parse({**IDENTITY, "n_cycles": 1, "raw_root": "here", **groups}), "fingerprint")


@pytest.mark.parametrize(
    "groups",
    [
        {"n_cycles": 9},
        {"raw_root": "there"},
        {"data": {"workers": 7}},
        {"training": {"device": "cpu"}},
        pytest.param({"tracking": {"mlflow": "http://there"}}, marks=pytest.mark.slow),  # needs MLflow
    ],
    ids=str,
)
def test_what_changes_no_result_may_change(groups: dict[str, object]) -> None:
    assert recorded(**groups) == recorded()


@pytest.mark.parametrize("other", ["32", "bf16"])
def test_every_precision_is_told_from_auto_unless_it_means_the_same(other: str) -> None:
    """auto may train in bfloat16, and never scores in it; bf16 does both, 32 neither."""
    auto, set_by_hand = recorded(), recorded(training={"precision": other})
    same = auto["computing"] == set_by_hand["computing"]
    assert same == (other == "32" and auto["computing"]["precision"] == "32")  # type: ignore[index]
    assert (auto == set_by_hand) == same


def test_a_precision_may_look_like_a_number() -> None:
    """As the command line reads training.precision:32."""
    assert recorded(training={"precision": 32}) == recorded(training={"precision": "32"})


def test_threads_are_recorded_as_they_resolve() -> None:
    assert recorded(training={"threads": 3})["computing"]["threads"] == 3  # type: ignore[index]
