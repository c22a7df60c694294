from __future__ import annotations

import pytest

from queryloop.parsing import parse
from queryloop.recorded import settings_of
from queryloop.training import compute

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


@pytest.mark.parametrize("native", [True, False])
def test_auto_is_recorded_as_what_it_means_here(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    """So that a machine of the other kind can go on with it, set by hand."""
    monkeypatch.setattr(compute, "_native_bf16", lambda device: native)
    same = "mixed" if native else "32"
    auto = recorded()
    monkeypatch.setattr(compute, "_native_bf16", lambda device: not native)
    for asked in ("32", "mixed", "bf16"):
        assert (recorded(training={"precision": asked}) == auto) == (asked == same)


def test_a_precision_may_look_like_a_number() -> None:
    """As the command line reads training.precision:32."""
    assert recorded(training={"precision": 32}) == recorded(training={"precision": "32"})


def test_threads_are_recorded_as_they_resolve() -> None:
    assert recorded(training={"threads": 3})["computing"]["threads"] == 3  # type: ignore[index]
