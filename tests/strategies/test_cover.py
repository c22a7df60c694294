"""ProbCover against the same greedy rule on a full matrix."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor
from torch.nn.functional import normalize

from queryloop.errors import OptionsError
from queryloop.strategies import cover, resolve
from queryloop.strategies.cover import prob_cover
from queryloop.strategies.geometry import neighbours
from queryloop.strategies.geometry.kmeans import kmeans
from queryloop.strategies.geometry.points import Points
from queryloop.strategies.geometry.reach import Reach


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def blobs(count: int, per: int, width: int, noise: float = 0.5) -> Tensor:
    rows = normal(count, width).repeat_interleave(per, 0) + noise * normal(count * per, width, seed=1)
    return rows[torch.randperm(len(rows), generator=seeded(2))]


def unit(x: Tensor) -> np.ndarray:
    return (x / x.norm(dim=1, keepdim=True)).numpy()


def slow_cover(x: np.ndarray, labeled: np.ndarray, k: int, delta: float) -> tuple[list[int], list[float]]:
    """Greedy on the full graph; then farthest first."""
    near = cdist(x, x) < delta
    covered = (cdist(x, labeled) < delta).any(1)
    rows: list[int] = []
    scores = []
    for _ in range(k):
        counts = (near & ~covered).sum(1)
        if counts.max() > 0:
            rows.append(int(counts.argmax()))
            scores.append(counts.max() / len(x))
            covered |= near[rows[-1]]
        else:
            rows.append(int(cdist(x, np.concatenate([labeled, x[rows]])).min(1).argmax()))
            scores.append(0.0)
    return rows, scores


@pytest.mark.parametrize("delta", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("known", [0, 9])
@pytest.mark.parametrize("block", [2**22, 2000])
def test_cover_is_greedy_on_the_graph(
    delta: float, known: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    x, labeled = 7 * blobs(6, 50, 4), 3 * normal(known, 4, seed=3)
    rows, scores = prob_cover(x, labeled, 6, 60, seeded(), delta=delta)
    slow_rows, slow_scores = slow_cover(unit(x), unit(labeled), 60, delta)
    assert rows.tolist() == slow_rows
    np.testing.assert_allclose(scores, slow_scores, rtol=1e-12)


def test_counts_survive_more_than_a_byte() -> None:
    x = normal(700, 3)
    rows, scores = prob_cover(x, x[:0], 2, 20, seeded(), delta=1.2)
    slow_rows, slow_scores = slow_cover(unit(x), unit(x[:0]), 20, 1.2)
    assert rows.tolist() == slow_rows
    assert slow_scores[0] * 700 > 255
    np.testing.assert_allclose(scores, slow_scores, rtol=1e-12)


def test_a_ball_is_open() -> None:
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    assert prob_cover(x, x[:0], 2, 3, seeded(), delta=2.0).scores.tolist() == [1.0, 0, 0]
    assert prob_cover(x, x[:0], 2, 3, seeded(), delta=1.99).positions.tolist() == [1, 0, 2]
    inside = prob_cover(x, x[:0], 2, 3, seeded(), delta=1.42).scores
    outside = prob_cover(x, x[:0], 2, 3, seeded(), delta=1.41).scores
    assert inside.tolist() == [1.0, 0, 0]
    torch.testing.assert_close(outside, torch.full((3,), 1 / 3))


def test_a_ball_around_a_labelled_row_is_open_too() -> None:
    x, labeled = torch.tensor([[-1.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    assert prob_cover(x, labeled, 2, 1, seeded(), delta=2.0).scores.tolist() == [1.0]
    assert prob_cover(x, labeled, 2, 1, seeded(), delta=2.01).scores.tolist() == [0.0]


@pytest.mark.parametrize("held", [1, 8 * 29 * 2, 2**20])
def test_balls_are_the_same_however_many_pairs_are_compared_at_once(
    monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(cover, "_HELD", held)
    x = normalize(torch.randn(29, 4, generator=seeded()))
    balls = cover._Balls(Reach(Points(x)), 0.9)
    inside = np.unpackbits(balls.bits, axis=1, count=29).astype(bool)
    assert (inside == (cdist(x, x) < 0.9)).all()
    assert 29 < inside.sum() < 29**2


def test_a_chosen_row_and_its_copies_are_closed_whatever_the_counts_say() -> None:
    x = torch.tensor([[1.0, 0.0], [0.8, 0.6], [1.0, 0.0], [0.0, 1.0]])
    balls = cover._Balls(Reach(Points(x)), 1.0)
    assert balls.counts.tolist() == [3, 4, 3, 2]
    balls.close(0, np.array([True, True, True, False]))
    assert balls.counts.tolist() == [0, 4, 0, 2]
    balls.counts[:] = 5
    balls.close(3, np.array([False, False, False, True]))
    assert balls.counts.tolist() == [0, 5, 0, 0]


def test_what_was_closed_stays_closed_where_rounding_leaves_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cover._Balls, "tally", lambda balls, rows: np.full(balls.n, int(rows.sum()) // 2))
    x = blobs(3, 4, 3)
    assert len(set(prob_cover(x, x[:0], 3, 12, seeded(), delta=0.3).positions.tolist())) == 12


def slow_radius(x: np.ndarray, labels: np.ndarray, purity: float) -> float:
    """The largest of all candidate radii at which enough balls are pure."""
    distances = cdist(x, x)
    pure = [
        radius
        for radius in np.unique(distances)
        if np.mean(
            [(labels[row < radius] == label).all() for row, label in zip(distances, labels, strict=True)]
        )
        >= purity
    ]
    return max(pure)


@pytest.mark.parametrize("purity", [0.5, 0.9, 0.95, 1.0])
def test_the_radius_is_the_largest_of_that_purity(purity: float) -> None:
    x = normalize(blobs(4, 10, 3, noise=0.9))
    labels = kmeans(x, 4, seeded()).labels.numpy()
    radius = cover._pure_radius(x, 4, purity, seeded())
    assert radius == pytest.approx(slow_radius(x.numpy(), labels, purity))
    estimated, given = (
        prob_cover(x, x[:0], 4, 10, seeded(), purity=purity, delta=delta)
        for delta in (None, cover._pure_radius(normalize(x), 4, purity, seeded()))
    )
    assert estimated.positions.tolist() == given.positions.tolist()


def test_the_radius_is_found_on_the_first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cover, "_PROBED", 10)
    x = torch.from_numpy(unit(blobs(4, 25, 3, noise=0.9)))
    labels = kmeans(x, 4, seeded()).labels.numpy()
    distances = cdist(x, x)[:10]
    distances[labels[:10, None] == labels] = np.inf
    assert cover._pure_radius(x, 4, 0.8, seeded()) == pytest.approx(np.sort(distances.min(1))[2])


def test_one_cluster_is_pure_throughout() -> None:
    x = torch.ones(5, 3)
    assert cover._pure_radius(x, 4, 0.95, seeded()) == 3.0
    assert prob_cover(x, x[:0], 9, 5, seeded()).scores.tolist() == [1.0, 0, 0, 0, 0]


def test_only_the_direction_counts() -> None:
    x, labeled = blobs(6, 50, 4), normal(5, 4, seed=3)
    lengths = torch.rand(300, 1, generator=seeded(), dtype=torch.float64) + 0.1
    picks = [prob_cover(rows, labeled, 6, 40, seeded(), delta=0.4) for rows in (x, x * lengths)]
    assert picks[0].positions.tolist() == picks[1].positions.tolist()


@pytest.mark.parametrize("delta", [1e-9, 0.3, None])
def test_copies_come_last(delta: float | None) -> None:
    kinds = torch.arange(60) % 20
    x = blobs(4, 5, 4).float()[kinds]
    rows, scores = prob_cover(x, x[:0], 4, 60, seeded(), delta=delta)
    assert len(set(kinds[rows[:20]].tolist())) == 20
    assert len(set(rows.tolist())) == 60
    assert scores[0] >= 3 / 60 - 1e-6
    assert (scores[20:] == 0).all()


@pytest.mark.parametrize("corners", [12, 24, 36, 60])
def test_copies_come_last_where_rows_lie_on_the_edge_of_balls(corners: int) -> None:
    angles = torch.arange(corners) * (2 * torch.pi / corners)
    kinds = torch.arange(4 * corners) % corners
    turned = torch.stack([angles.cos(), angles.sin()], dim=1) @ torch.linalg.qr(normal(16, 2).float())[0].T
    for step in (1, 2, 3):
        delta = float(2 * np.sin(np.pi * step / corners))
        rows, _ = prob_cover(turned[kinds], turned[:0], 2, len(kinds), seeded(), delta=delta)
        assert len(set(kinds[rows[:corners]].tolist())) == corners


def test_zero_rows_are_points_like_others() -> None:
    x = torch.cat([torch.zeros(3, 2), torch.eye(2)])
    assert prob_cover(x, x[:0], 2, 5, seeded(), delta=0.5).scores.tolist() == pytest.approx(
        [0.6, 0.2, 0.2, 0, 0]
    )


def test_large_pools_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    x = blobs(6, 50, 4)
    with caplog.at_level(logging.WARNING):
        cut = prob_cover(x, x[:0], 6, 5, seeded(), delta=0.4, max_pool=80)
    assert "prob_cover looks at a random 80 of 300" in caplog.text
    assert cut.positions.tolist() == prob_cover(x[:80], x[:0], 6, 5, seeded(), delta=0.4).positions.tolist()


@pytest.mark.parametrize("option", [{"delta": 0.0}, {"purity": 0.0}, {"purity": 1.01}])
def test_options_have_ranges(option: dict[str, float]) -> None:
    with pytest.raises(OptionsError, match=next(iter(option))):
        resolve("prob_cover", option)
