"""D^2 sampling against the chances of a plain loop."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.spatial.distance import cdist

from queryloop.strategies.geometry import seeding
from queryloop.strategies.geometry.points import Points
from queryloop.strategies.geometry.reach import Reach
from queryloop.strategies.geometry.seeding import spread

from .rows import blobs, normal, outer, seeded


def chance_of(order: tuple[int, ...], squares: np.ndarray, start: np.ndarray, weights: np.ndarray) -> float:
    """The exact chance that plain D^2 sampling takes these rows in this order."""
    chance, left = start[order[0]] / start.sum(), np.full(len(squares), np.inf)
    for before, row in pairwise(order):
        left = np.minimum(left, squares[:, before])
        mass = left * weights
        chance *= mass[row] / mass.sum()
    return chance


@pytest.mark.parametrize("first", ["largest", "drawn"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cheap", [8, 0])
def test_the_first_picks_have_the_chances_of_plain_sampling(
    first: seeding.First, weighted: bool, cheap: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeding, "_CANDIDATE", cheap)
    a, h = normal(6, 2), normal(6, 3, seed=1)
    weights = torch.tensor([1.0, 0.2, 2.0, 0.0, 1.0, 3.0]) if weighted else torch.ones(6)
    points, norms = Points(a, h), outer(a, h).square().sum(1).numpy()
    start = (norms == norms.max()) * 1.0 if first == "largest" else weights.numpy()
    squares = cdist(outer(a, h), outer(a, h), "sqeuclidean")
    generator, runs = seeded(), 700
    given = weights.double() if weighted else None
    seen = Counter(tuple(spread(points, 3, generator, given, first)[0].tolist()) for _ in range(runs))
    chances = {
        order: chance_of(order, squares, start, weights.numpy()) for order in permutations(range(6), 3)
    }
    assert all(chances[order] > 0 for order in seen)
    possible = [order for order, chance in chances.items() if chance * runs > 1]
    observed = [seen[order] for order in possible]
    expected = np.array([chances[order] for order in possible])
    assert scipy.stats.chisquare(observed, expected / expected.sum() * sum(observed)).pvalue > 1e-3


@pytest.mark.parametrize("cheap", [8, 0.1])
def test_large_draws_have_the_potential_of_plain_sampling(
    cheap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeding, "_CANDIDATE", cheap)
    x = blobs(30, 20, 3)
    squares = cdist(x, x, "sqeuclidean")

    def plain(draw: np.random.Generator) -> float:
        left = squares[draw.integers(len(x))]
        for _ in range(59):
            left = np.minimum(left, squares[draw.choice(len(x), p=left / left.sum())])
        return left.sum()

    ours = [squares[spread(Points(x), 60, seeded(s))[0]].min(0).sum() for s in range(30)]
    theirs = [plain(np.random.default_rng(seed)) for seed in range(30)]
    assert scipy.stats.ks_2samp(ours, theirs).pvalue > 1e-3


def test_the_last_rows_are_drawn_without_an_update(monkeypatch: pytest.MonkeyPatch) -> None:
    updates: list[int] = []
    update = Reach.update
    monkeypatch.setattr(Reach, "update", lambda reach: updates.append(len(reach.chosen)) or update(reach))
    points = Points(normal(40_000, 2))
    for seed in range(10):
        spread(points, 60, seeded(seed))
    assert updates == [1] * 10


def test_gains_are_squared_distances_at_the_pick() -> None:
    x = blobs(8, 50, 4)
    rows, gains = spread(Points(x), 150, seeded())
    assert len(set(rows.tolist())) == 150
    slow = [cdist(x[rows[:i]], x[rows[i], None], "sqeuclidean").min() for i in range(1, 150)]
    np.testing.assert_allclose(gains, [x[rows[0]].square().sum(), *slow])


@pytest.mark.parametrize("k", [1, 3, 4, 6, 8])
def test_copies_and_rows_without_weight_come_last_in_order(k: int) -> None:
    x = normal(3, 4, dtype=torch.float32)[[0, 0, 1, 2, 2, 1, 2, 0]]
    weights = torch.tensor([1.0, 1, 1, 1, 1, 1, 0, 0])
    rows, gains = spread(Points(x), k, seeded(), weights)
    kinds = [[0, 0, 1, 2, 2, 1, 2, 0][row] for row in rows.tolist()]
    assert len(set(kinds[:3])) == min(k, 3)
    assert rows[3:].tolist() == [row for row in range(8) if row not in rows[:3]][: max(0, k - 3)]
    assert (gains[:3] > 0).all()
    assert (gains[3:] == 0).all()


def test_nothing_but_copies() -> None:
    rows, gains = spread(Points(torch.ones(5, 3)), 5, seeded())
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4]
    assert gains.tolist() == [3, 0, 0, 0, 0]


def test_a_copy_drawn_in_one_batch_is_refused() -> None:
    x = normal(2, 3).repeat_interleave(4000, 0)
    rows, _ = spread(Points(x), 2, seeded())
    assert (rows < 4000).sum() == 1
