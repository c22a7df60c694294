from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from queryloop.options import StopOptions
from queryloop.statistics.stopping import cycles_without_gain, is_stable, kappa, stop_reason


def metrics(*values: float) -> pd.DataFrame:
    return pd.DataFrame({"n_labeled": np.arange(1, len(values) + 1) * 20, "val_accuracy": values})


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_kappa_is_that_of_scikit_learn(n_classes: int) -> None:
    rng = np.random.default_rng(n_classes)
    first = rng.integers(0, n_classes, 200)
    second = np.where(rng.random(200) < 0.6, first, rng.integers(0, n_classes, 200))
    assert kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))


def test_kappa_of_equal_predictions_is_one_also_where_there_is_one_class() -> None:
    assert kappa(np.zeros(5, int), np.zeros(5, int)) == 1.0


@pytest.mark.parametrize(
    ("values", "gain", "expected"),
    [
        ([0.5], 0, 0),
        ([0.5, 0.5], 0, 1),
        ([0.5, 0.51, 0.52], 0.015, 0),
        ([0.5, 0.51], 0.02, 1),
        ([1, 0, 1], 0, 2),
    ],
)
def test_cycles_without_gain(values: list[float], gain: float, expected: int) -> None:
    assert cycles_without_gain(np.array(values), gain) == expected


def test_no_rule_never_stops() -> None:
    assert stop_reason(metrics(*[0.5] * 50), 10**9, StopOptions()) is None


def test_a_budget_is_never_gone_beyond() -> None:
    assert stop_reason(metrics(0.5, 0.6), 20, StopOptions(budget=60)) is None
    assert "stop.budget" in (stop_reason(metrics(0.5, 0.6), 20, StopOptions(budget=59)) or "")


def test_the_target_is_the_last_validation_accuracy() -> None:
    assert stop_reason(metrics(0.9, 0.7), 20, StopOptions(target=0.8)) is None
    assert "has reached 0.7" in (stop_reason(metrics(0.6, 0.7), 20, StopOptions(target=0.7)) or "")


def test_without_validation_the_target_is_the_newest_lower_end_by_control_labels() -> None:
    known = metrics(np.nan, np.nan, np.nan).assign(pool_accuracy=0.9, pool_low=[0.6, 0.8, np.nan])
    assert stop_reason(known, 20, StopOptions(target=0.81)) is None
    assert "pool_low 0.8000 has reached 0.8" in (stop_reason(known, 20, StopOptions(target=0.8)) or "")
    assert stop_reason(metrics(0.5, 0.5, 0.5).assign(pool_low=0.9), 20, StopOptions(target=0.8)) is None


def test_no_rule_looks_at_the_test_set() -> None:
    known = metrics(np.nan, np.nan, np.nan).assign(accuracy=[0.5, 0.9, 0.9])
    assert stop_reason(known, 20, StopOptions(target=0.8, plateau=1)) is None


def test_a_plateau_is_that_long() -> None:
    stop = StopOptions(plateau=2, gain=0.01)
    assert stop_reason(metrics(0.6, 0.605), 20, stop) is None
    assert "for 2 cycles" in (stop_reason(metrics(0.6, 0.605, 0.6), 20, stop) or "")
    assert stop_reason(metrics(0.6, 0.605, 0.62), 20, stop) is None


def test_predictions_are_stable_once_the_window_is_full() -> None:
    stop = StopOptions(agreement=0.99, window=3)
    assert not is_stable([1.0, 1.0], stop)
    assert is_stable([0.1, 0.985, 0.99, 0.995], stop)
    assert not is_stable([1.0, 0.98, 0.98, 0.98], stop)
