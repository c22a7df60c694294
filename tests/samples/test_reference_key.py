from __future__ import annotations

import pytest

from queryloop import samples as tables
from queryloop.parsing import parse
from queryloop.recorded import settings_of


def recorded(**groups: object) -> dict[str, object]:
    identity = {"experiment": "main", "dataset": "digits", "strategy": "random", "seed": 0}
    return settings_of(parse({**identity, "n_cycles": 1, "raw_root": "here", **groups}), "content")


def test_reference_key_changes_with_whatever_changes_its_result() -> None:
    others: list[dict[str, object]] = [
        {"training": {"precision": "32"}},
        {"data": {"validation": 5}},
        {"model": {"width": 9}},
        {"training": {"epochs": 9}},
        {"training": {"reinit": "warm"}},
        {"training": {"auxiliary": "learning_loss", "learning_loss": {"detach": 0.6}}},
        {"training": {"auxiliary": "learning_loss", "learning_loss": {"detach": 0.6, "margin": 2.0}}},
        {"data": {"transfer": 0.5, "validation": 0.1}, "training": {"patience": 2}},
        {"training": {"precision": "mixed"}},
        {"training": {"precision": "bf16"}},
        {"seed": 1},
        {"scoring": {"mirrors": True}},
        {"evaluation": {"predictor": "ensemble"}},
        {"evaluation": {"predictor": "ensemble"}, "scoring": {"ensemble_size": 3}},
    ]
    keys = {tables.reference_key(recorded(**other), 5) for other in others}
    keys.add(tables.reference_key(recorded(training={"reinit": "warm"}), 6))
    keys.add(tables.reference_key({**recorded(), "samples": "others"}, 5))
    assert len(keys) == len(others) + 2


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"workers": 9}},
        {"training": {"device": "cpu", "threads": 7}},
        {"scoring": {"ensemble_size": 3}},
        {"strategy": "margin", "query": {"size": 7}},
        {"training": {"vaal": {"beta": 2.0}}},
        {"training": {"auxiliary": "adversarial", "adversarial": {"weight": 0.1}}},
        {"training": {"auxiliary": "learning_loss", "learning_loss": {"margin": 2.0}}},
        {"data": {"transfer": 0.5}},
    ],
    ids=str,
)
def test_reference_key_stays_with_what_changes_no_result_of_it(other: dict[str, object]) -> None:
    assert tables.reference_key(recorded(**other), 6) == tables.reference_key(recorded(), 5)
