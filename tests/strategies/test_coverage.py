"""k-centre and MaxHerding against the same greedy rule written plainly."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist, pdist
from torch import Tensor

from queryloop.errors import OptionsError
from queryloop.strategies import coverage, resolve
from queryloop.strategies.coverage import core_set, max_herding


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def blobs(count: int, per: int, width: int) -> Tensor:
    rows = (3 * normal(count, width)).repeat_interleave(per, 0) + normal(count * per, width, seed=1)
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(2))]


NOBODY = torch.empty(0, 5, dtype=torch.float64)


def slow_core_set(x: np.ndarray, labeled: np.ndarray, k: int) -> tuple[list[int], list[float]]:
    rows, scores = [], []
    for _ in range(k):
        left = cdist(x, np.concatenate([labeled, x[rows]])).min(1)
        rows.append(int(left.argmax()))
        scores.append(left.max())
    return rows, scores


@pytest.mark.parametrize("offset", [0, 1_000_000])
def test_core_set_takes_the_farthest(offset: float) -> None:
    x, labeled = blobs(8, 100, 5) + offset, normal(6, 5, seed=3) + offset
    rows, scores = core_set(x, labeled, 50)
    slow_rows, slow_scores = slow_core_set(x.numpy(), labeled.numpy(), 50)
    assert rows.tolist() == slow_rows
    np.testing.assert_allclose(scores, slow_scores)


def test_core_set_begins_in_the_middle_where_nothing_is_labelled() -> None:
    x = blobs(8, 20, 5)
    rows, scores = core_set(x, NOBODY, 10)
    middle = int(cdist(x, x.mean(0)[None]).argmin())
    slow_rows, slow_scores = slow_core_set(x.numpy(), x[middle, None].numpy(), 9)
    assert rows.tolist() == [middle, *slow_rows]
    np.testing.assert_allclose(scores, [slow_scores[0], *slow_scores])
    assert core_set(x[:1], NOBODY, 1).scores.tolist() == [0]


@pytest.mark.parametrize("strategy", [core_set, max_herding])
def test_copies_come_last(strategy: object) -> None:
    kinds = torch.arange(40) % 12
    x, labeled = blobs(3, 4, 5).float()[kinds], normal(2, 5, seed=3).float()
    x[5] = labeled[1]
    rows, scores = strategy(x, labeled, 40)  # type: ignore[operator]
    assert sorted(set(kinds[rows[:12]].tolist())) == list(range(12))
    assert len(set(rows.tolist())) == 40
    assert (scores[:12] > 0).all()
    assert (scores[12:] == 0).all()


def test_herding_prefers_the_slightest_difference_to_a_copy() -> None:
    x = normal(60, 64).float()
    kinds = torch.arange(360) % 120
    rows = torch.cat([x, x + 0.01 * normal(60, 64, seed=1).float()])[kinds]
    positions, scores = max_herding(rows, rows[:1] + 0, 360)
    assert len(set(kinds[positions[:119]].tolist()) - {0}) == 119
    assert (scores[119:] == 0).all()
    assert len(set(positions.tolist())) == 360


def slow_herding(x: np.ndarray, labeled: np.ndarray, k: int, h: float) -> tuple[list[int], list[float]]:
    kernel = np.exp(-cdist(x, x, "sqeuclidean") / (2 * h**2))
    best = np.exp(-cdist(x, labeled, "sqeuclidean") / (2 * h**2)).max(1, initial=0)
    rows, scores = [], []
    for _ in range(k):
        gains = np.maximum(0, kernel - best[:, None]).mean(0)
        gains[rows] = -1
        rows.append(int(gains.argmax()))
        scores.append(gains.max())
        best = np.maximum(best, kernel[:, rows[-1]])
    return rows, scores


@pytest.mark.parametrize("columns", [1, 2, 32, 500])
@pytest.mark.parametrize("labeled", [NOBODY, normal(6, 5, seed=3)])
@pytest.mark.parametrize("bandwidth", [0.5, 3.0])
def test_lazy_herding_is_plain_herding(
    columns: int, labeled: Tensor, bandwidth: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "_COLUMNS", columns)
    x = blobs(8, 25, 5)
    rows, scores = max_herding(x, labeled, 40, bandwidth=bandwidth)
    slow_rows, slow_scores = slow_herding(x.numpy(), labeled.numpy(), 40, bandwidth)
    assert rows.tolist() == slow_rows
    np.testing.assert_allclose(scores, slow_scores, rtol=1e-9)
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)


def test_herding_does_not_mind_where_the_origin_lies() -> None:
    x, labeled = blobs(8, 25, 5).float(), normal(6, 5, seed=3).float()
    picks = [max_herding(x + offset, labeled + offset, 9, bandwidth=2.0) for offset in (0, 2048)]
    torch.testing.assert_close(picks[1].scores, picks[0].scores, rtol=1e-2, atol=1e-4)


def test_the_bandwidth_is_the_median_distance() -> None:
    x, labeled = blobs(8, 25, 5), normal(6, 5, seed=3)
    width = float(np.median(pdist(x)))
    np.testing.assert_allclose(
        max_herding(x, labeled, 9).scores, max_herding(x, labeled, 9, bandwidth=width).scores, rtol=1e-3
    )
    copies = x.repeat(3, 1)
    np.testing.assert_allclose(
        max_herding(copies, labeled, 9).scores, max_herding(x, labeled, 9).scores, rtol=1e-3
    )
    assert max_herding(torch.ones(6, 5), torch.empty(0, 5), 6).scores.tolist() == [1, 0, 0, 0, 0, 0]


def test_the_median_is_of_the_first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "_PAIRED", 3)
    x = torch.tensor([[0.0], [1.0], [3.0], [500.0]])
    np.testing.assert_allclose(
        max_herding(x, torch.empty(0, 1), 4).scores,
        max_herding(x, torch.empty(0, 1), 4, bandwidth=2.0).scores,
        rtol=1e-6,
    )


def test_herding_is_dense_where_core_set_is_far() -> None:
    x = torch.cat([0.1 * normal(50, 5), 5 + 0.1 * normal(30, 5), torch.full((1, 5), 40.0)])
    herded, centred = (strategy(x, NOBODY, 3).positions.tolist() for strategy in (max_herding, core_set))
    assert herded[0] < 50
    assert 80 in centred[:2]
    assert 80 not in max_herding(x, NOBODY, 2, bandwidth=1.0).positions


def test_herding_looks_at_a_part_of_large_pools(caplog: pytest.LogCaptureFixture) -> None:
    x, labeled = blobs(8, 25, 5), normal(6, 5, seed=3)
    with caplog.at_level(logging.WARNING):
        cut = max_herding(x, labeled, 5, max_pool=60, bandwidth=2.0)
    assert "max_herding looks at a random 60 of 200" in caplog.text
    assert cut.positions.tolist() == max_herding(x[:60], labeled, 5, bandwidth=2.0).positions.tolist()
    assert len(max_herding(x, labeled, 100, max_pool=60).positions) == 100


@pytest.mark.parametrize("bandwidth", [0.0, -1.0])
def test_a_bandwidth_is_positive(bandwidth: float) -> None:
    with pytest.raises(OptionsError, match="bandwidth"):
        resolve("max_herding", {"bandwidth": bandwidth})
