from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax

from queryloop.tasks.classification.metrics import evaluate, rank_correlation

RNG = np.random.default_rng(0)
TARGETS = RNG.integers(0, 5, 400)
PROBS = softmax(RNG.normal(size=(400, 5)) + 2 * np.eye(5)[TARGETS] * RNG.random((400, 1)), axis=1).astype(
    np.float32
)


def _recall(predicted: np.ndarray, targets: np.ndarray, c: int) -> float:
    return float((predicted[targets == c] == c).mean())


def _f1(predicted: np.ndarray, targets: np.ndarray, c: int) -> float:
    return float(
        2 * ((predicted == c) & (targets == c)).sum() / ((predicted == c).sum() + (targets == c).sum())
    )


def test_against_the_formulas() -> None:
    found, probs = evaluate(PROBS, TARGETS), PROBS.astype(float)
    predicted = probs.argmax(1)
    truth = probs[np.arange(400), TARGETS]
    assert found["accuracy"] == (predicted == TARGETS).mean()
    assert found["balanced_accuracy"] == pytest.approx(
        np.mean([_recall(predicted, TARGETS, c) for c in range(5)])
    )
    assert found["macro_f1"] == pytest.approx(np.mean([_f1(predicted, TARGETS, c) for c in range(5)]))
    assert found["nll"] == pytest.approx(-np.log(truth).mean(), rel=1e-6)
    assert found["brier"] == pytest.approx(((probs - np.eye(5)[TARGETS]) ** 2).sum(1).mean(), rel=1e-6)


def test_calibration_error_against_the_formula() -> None:
    confidence, right = PROBS.max(1), PROBS.argmax(1) == TARGETS
    bins = np.minimum((confidence * 15).astype(int), 14)
    gaps = [abs(confidence[bins == b].sum() - right[bins == b].sum()) for b in range(15)]
    assert evaluate(PROBS, TARGETS)["ece"] == pytest.approx(sum(gaps) / 400, abs=1e-5)


def test_full_confidence_is_in_the_bin_of_the_highest() -> None:
    probs = np.array([[1.0, 0.0]] * 5 + [[0.97, 0.03]] * 5)
    assert evaluate(probs, np.array([0, 0, 0, 0, 1] + [0] * 5))["ece"] == pytest.approx(0.085)


def test_tensors_and_arrays_are_the_same() -> None:
    assert evaluate(torch.from_numpy(PROBS), TARGETS) == evaluate(PROBS, TARGETS)


def test_perfect_and_worthless() -> None:
    sure = np.eye(3, dtype=np.float32)[[0, 1, 2]]
    best, worst = evaluate(sure, np.array([0, 1, 2])), evaluate(sure, np.array([1, 2, 0]))
    assert {name: best[name] for name in best} == pytest.approx(
        {"accuracy": 1, "balanced_accuracy": 1, "macro_f1": 1, "nll": 0, "brier": 0, "ece": 0}, abs=1e-9
    )
    assert worst["nll"] == pytest.approx(-np.log(np.finfo(float).eps))
    assert (worst["accuracy"], worst["brier"], worst["ece"]) == (0, 2, 1)


def test_classes_that_are_not_in_the_targets_do_not_count() -> None:
    probs = np.array([[0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.9, 0.05, 0.05]], dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(probs, np.array([0, 1, 0]))
    assert found["balanced_accuracy"] == 0.5
    assert found["macro_f1"] == 0.5
    assert all(np.isfinite(value) for value in found.values())


def test_rank_correlation_is_the_one_of_the_losses_themselves_with_ties_shared() -> None:
    probs = np.concatenate([PROBS, np.eye(5, dtype=np.float32)])
    targets = np.concatenate([TARGETS, [0, 1, 2, 3, 3]])
    predicted = RNG.normal(size=405).round(1).astype(np.float32)
    with np.errstate(divide="ignore"):
        losses = -np.log(probs[np.arange(405), targets].astype(float))
    expected = pd.Series(losses.clip(max=1e9)).corr(pd.Series(predicted), method="spearman")
    found = rank_correlation(torch.from_numpy(probs), targets, torch.from_numpy(predicted))
    assert found == pytest.approx(expected, abs=1e-12)
    true = torch.from_numpy(losses.clip(max=1e9))
    assert rank_correlation(torch.from_numpy(probs), targets, true) == pytest.approx(1)


@pytest.mark.parametrize("n", [1, 3])
def test_equal_predictions_have_no_rank_correlation(n: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(rank_correlation(torch.from_numpy(PROBS[:n]), TARGETS[:n], torch.ones(n)))
