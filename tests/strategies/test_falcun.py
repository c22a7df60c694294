"""Draws against chances that are computed slowly, step by step."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import scipy.stats
import torch

from queryloop.errors import OptionsError
from queryloop.strategies import resolve
from queryloop.strategies.falcun import falcun
from queryloop.strategies.made_up import example

PROBS = np.array([[0.5, 0.5, 0.0], [0.6, 0.4, 0.0], [0.1, 0.5, 0.4], [0.9, 0.05, 0.05], [1.0, 0.0, 0.0]])


def relevances(probs: np.ndarray, taken: list[int]) -> dict[int, float]:
    """u + d of each row that is left."""
    unsure = {row: 1 - (sorted(p)[-1] - sorted(p)[-2]) for row, p in enumerate(probs.tolist())}
    left = [row for row in unsure if row not in taken]
    least = {
        row: min([unsure[row], *(float(np.abs(probs[row] - probs[other]).sum()) for other in taken)])
        for row in left
    }
    low, high = min(least.values()), max(least.values())
    return {row: unsure[row] + (least[row] - low) / ((high - low) or 1) for row in left}


def chances(probs: np.ndarray, taken: list[int], gamma: float) -> dict[int, float]:
    powers = {row: value**gamma for row, value in relevances(probs, taken).items()}
    return {row: power / sum(powers.values()) for row, power in powers.items()}


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_draws_follow_the_formula(gamma: float) -> None:
    generator, tensor = torch.Generator().manual_seed(0), torch.from_numpy(PROBS)
    seen = Counter(tuple(falcun(tensor, 3, generator, gamma=gamma).positions.tolist()) for _ in range(1000))
    expected = {
        (a, b, c): first * second * third * 1000
        for a, first in chances(PROBS, [], gamma).items()
        for b, second in chances(PROBS, [a], gamma).items()
        for c, third in chances(PROBS, [a, b], gamma).items()
    }
    assert all(expected[query] > 0 for query in seen)
    common = [query for query, count in expected.items() if count >= 5]
    observed = [seen[query] for query in common]
    wanted = np.array([expected[query] for query in common])
    rare = 1000 - sum(observed) + 1, 1000 - wanted.sum() + 1  # one more each: there may be none
    assert scipy.stats.chisquare([*observed, rare[0]], [*wanted, rare[1]]).pvalue > 1e-3


def test_a_sum_a_little_above_one_is_certain() -> None:
    """As single precision may leave it; a power of less than nothing is no chance."""
    probs = torch.tensor([[1.004, 0.0], [1.0, 0.0], [1.0, 0.001]])
    picks = falcun(probs, 3, torch.Generator().manual_seed(0), gamma=0.5)
    assert sorted(picks.positions.tolist()) == [0, 1, 2]
    assert (picks.scores >= 0).all()


def test_scores_are_the_relevance_at_the_draw() -> None:
    probs = example(n=30, classes=5)["probs"]
    picks = falcun(torch.from_numpy(probs), 30, torch.Generator().manual_seed(3))
    rows = picks.positions.tolist()
    wanted = [relevances(probs, rows[:place])[row] for place, row in enumerate(rows)]
    assert sorted(rows) == list(range(30))
    np.testing.assert_allclose(picks.scores, wanted, atol=1e-12)


def test_a_great_gamma_takes_the_most_relevant() -> None:
    probs = example(n=30, classes=5)["probs"]
    rows = falcun(torch.from_numpy(probs), 10, torch.Generator(), gamma=5e3).positions.tolist()
    for place, row in enumerate(rows):
        left = relevances(probs, rows[:place])
        assert left[row] == pytest.approx(max(left.values()))


def test_gamma_zero_is_random_even_among_the_certain() -> None:
    probs = torch.eye(3)[torch.tensor([0, 0, 0, 1])]
    generator = torch.Generator().manual_seed(0)
    seen = Counter(int(falcun(probs, 1, generator, gamma=0.0).positions) for _ in range(1000))
    assert scipy.stats.chisquare([seen[row] for row in range(4)]).pvalue > 1e-3


def test_certain_rows_are_drawn_alike_at_first() -> None:
    probs = torch.eye(3)[torch.tensor([0, 0, 0, 1])]
    generator = torch.Generator().manual_seed(0)
    seen = Counter(int(falcun(probs, 1, generator).positions) for _ in range(1000))
    assert scipy.stats.chisquare([seen[row] for row in range(4)]).pvalue > 1e-3


def test_the_callers_probabilities_stay() -> None:
    probs = torch.from_numpy(example()["probs"])
    before = probs.clone()
    falcun(probs, 9, torch.Generator())
    assert torch.equal(probs, before)


def test_a_negative_gamma_is_refused() -> None:
    assert resolve("falcun", {"gamma": 0.0}).options == {"gamma": 0.0}
    assert resolve("falcun").options == {"gamma": 10.0}
    with pytest.raises(OptionsError, match="gamma"):
        resolve("falcun", {"gamma": -0.1})
