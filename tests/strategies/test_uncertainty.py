"""Each score against its formula written slowly, or against scipy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import torch

from queryloop.strategies import blocks
from queryloop.strategies.made_up import example
from queryloop.strategies.uncertainty import entropy, gini, least_confidence, margin, ratio


def slow_least_confidence(row: list[float]) -> float:
    return len(row) / (len(row) - 1) * (1 - max(row))


def slow_margin(row: list[float]) -> float:
    return sorted(row)[-2] - sorted(row)[-1]


def slow_ratio(row: list[float]) -> float:
    return sorted(row)[-2] / sorted(row)[-1]


def slow_entropy(row: list[float]) -> float:
    return scipy.stats.entropy(row, base=len(row))


def slow_gini(row: list[float]) -> float:
    pairs = sum(row[i] * row[j] for i in range(len(row)) for j in range(len(row)) if i != j)
    return len(row) / (len(row) - 1) * pairs


REFERENCES = [
    (least_confidence, slow_least_confidence),
    (margin, slow_margin),
    (ratio, slow_ratio),
    (entropy, slow_entropy),
    (gini, slow_gini),
]


@pytest.mark.parametrize(("score", "slow"), REFERENCES)
@pytest.mark.parametrize("classes", [2, 3, 10, 100])
def test_score_is_the_formula(score: Callable, slow: Callable, classes: int) -> None:
    probs = example(n=50, classes=classes)["probs"]
    probs[0] = np.eye(classes)[1]
    probs[1] = 1 / classes
    probs[2] = np.eye(classes)[:2].mean(axis=0)
    np.testing.assert_allclose(
        score(torch.from_numpy(probs)), [slow(row) for row in probs.tolist()], atol=1e-12
    )


@pytest.mark.parametrize("score", [least_confidence, margin, ratio, entropy, gini])
def test_the_order_of_the_classes_does_not_matter(score: Callable) -> None:
    probs = torch.from_numpy(example(classes=7)["probs"])
    torch.testing.assert_close(score(probs.flip(1)), score(probs))


@pytest.mark.parametrize(
    ("score", "certain", "uniform"),
    [(least_confidence, 0, 1), (margin, -1, 0), (ratio, 0, 1), (entropy, 0, 1), (gini, 0, 1)],
)
def test_both_ends_of_the_scale_are_exact(score: Callable, certain: float, uniform: float) -> None:
    assert score(torch.tensor([[0.0, 1, 0, 0], [0.25, 0.25, 0.25, 0.25]])).tolist() == [certain, uniform]


@pytest.mark.parametrize("score", [margin, ratio, entropy, gini])
def test_blocks_change_no_bit(score: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    probs = torch.from_numpy(example(n=1003, classes=10, dtype=np.float32)["probs"])
    whole = score(probs)
    monkeypatch.setattr(blocks, "_BLOCK", 70)
    assert torch.equal(score(probs), whole)


def test_gini_tells_nearly_certain_rows_apart_in_single_precision() -> None:
    rest = torch.tensor([1e-5, 1e-4, 1e-3])
    scores = gini(torch.stack([1 - rest, rest], dim=1))
    torch.testing.assert_close(scores, 4 * rest * (1 - rest), rtol=1e-2, atol=0)
