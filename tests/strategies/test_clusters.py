"""Clusters' representatives against the rules written slowly, and against scikit-activeml."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from skactiveml.pool import TypiClust
from torch import Tensor

from queryloop.errors import OptionsError
from queryloop.strategies import resolve
from queryloop.strategies.clusters import k_means, typiclust
from queryloop.strategies.geometry.kmeans import kmeans


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def blobs(sizes: list[int], width: int, noise: float = 1.0) -> tuple[Tensor, Tensor]:
    """Rows and the blob of each, shuffled."""
    kinds = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    kinds = kinds[torch.randperm(len(kinds), generator=seeded(2))]
    return 20 * normal(len(sizes), width)[kinds] + noise * normal(len(kinds), width, seed=1), kinds


# k_means


def test_the_row_nearest_to_each_centre_of_the_largest_cluster_first() -> None:
    x, kinds = blobs([10, 40, 30, 20], 6)
    rows, scores = k_means(x, 4, seeded())
    assert kinds[rows].tolist() == [1, 2, 3, 0]
    torch.testing.assert_close(scores, torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64))
    for row, kind in zip(rows, kinds[rows], strict=True):
        left = cdist(x, x[kinds == kind].mean(0)[None])[:, 0]
        assert int(left.argmin()) == int(row)


def test_copies_weigh_but_come_last() -> None:
    x, _ = blobs([6, 6, 6], 4)
    copies = torch.cat([torch.arange(18), torch.tensor([4] * 12), torch.tensor([7])])
    rows, scores = k_means(x[copies], 31, seeded())
    assert sorted(copies[rows[:18]].tolist()) == list(range(18))
    assert rows[18:].tolist() == list(range(18, 31))
    assert int(rows[0]) == 4
    assert scores.tolist() == pytest.approx([13 / 31, 2 / 31, *[1 / 31] * 16, *[0] * 13])
    few = k_means(x[copies], 3, seeded())
    assert len(set(copies[few.positions].tolist())) == 3
    assert 4 in few.positions
    assert sum(few.scores.tolist()) == pytest.approx(1)


def test_the_pool_lies_near_its_representatives() -> None:
    x, _ = blobs([30] * 12, 5)
    near = cdist(x, x[k_means(x, 12, seeded()).positions]).min(1).mean()
    at_random = cdist(x, x[:12]).min(1).mean()
    assert near < 0.5 * at_random


# TypiClust


def slow_typiclust(
    x: np.ndarray, labels: np.ndarray, known: int, k: int, neighbours: int
) -> tuple[list[int], list[float]]:
    """The rule one pick at a time. labels: of the labelled rows, then of the pool."""
    pool = labels[known:]
    size, held = (np.bincount(part, minlength=labels.max() + 1) for part in (labels, labels[:known]))
    rows: list[int] = []
    scores = []
    for _ in range(k):
        open_to = [c for c in range(len(size)) if set(np.flatnonzero(pool == c)) - set(rows)]
        cluster = min(open_to, key=lambda c: (size[c] <= 5, held[c], -size[c], c))
        members = np.flatnonzero(pool == cluster)
        apart = cdist(x[members], x[members]) + np.diag([np.inf] * len(members))
        nearest = np.sort(apart)[:, : min(neighbours, len(members) - 1)]
        typicality = 1 / nearest.mean(1) if len(members) > 1 else np.zeros(1)
        best = max((t, -row) for t, row in zip(typicality, members, strict=True) if row not in rows)
        rows.append(-best[1])
        scores.append(best[0])
        held[cluster] += 1
    return rows, scores


@pytest.mark.parametrize("known", [0, 1, 9])
@pytest.mark.parametrize("neighbours", [1, 4, 20])
@pytest.mark.parametrize("limit", [5, 500])
def test_typiclust_is_its_rule(known: int, neighbours: int, limit: int) -> None:
    x, _ = blobs([40, 25, 20, 15, 10, 6, 3], 3, noise=4.0)
    labeled = x[:known] + 0.1
    rows, scores = typiclust(x, labeled, 25, seeded(), neighbours=neighbours, max_clusters=limit)
    labels = kmeans(torch.cat([labeled, x]), min(known + 25, limit), seeded()).labels.numpy()
    slow_rows, slow_scores = slow_typiclust(x.numpy(), labels, known, 25, neighbours)
    np.testing.assert_allclose(scores, slow_scores)
    pool = labels[known:]
    assert pool[rows].tolist() == pool[slow_rows].tolist()
    if neighbours > 1:  # two rows that are each other's nearest are equally typical
        tied = np.bincount(pool)[pool[slow_rows]] == 2
        assert rows.numpy()[~tied].tolist() == np.array(slow_rows)[~tied].tolist()


def test_clusters_without_labels_come_first_largest_first() -> None:
    x, kinds = blobs([40, 30, 20, 10], 6)
    labeled = torch.stack([x[kinds == 0].mean(0), x[kinds == 2].mean(0)])
    rows, _ = typiclust(x, labeled, 2, seeded())
    assert kinds[rows].tolist() == [1, 3]
    rows, _ = typiclust(x, labeled, 8, seeded(), max_clusters=4)
    assert kinds[rows].tolist() == [1, 3, 0, 1, 2, 3, 0, 1]


def test_outliers_are_not_typical_of_the_pool() -> None:
    x = torch.cat([blobs([400], 3)[0], 1000 * (1 + torch.arange(5.0))[:, None].expand(5, 3)])
    for k in (5, 20):
        assert (typiclust(x, x[:0], k, seeded()).positions < 400).all()
    assert (typiclust(x, x[:0], 405, seeded(), max_clusters=8).positions[-5:] >= 400).all()


def test_defaults_are_those_of_the_paper() -> None:
    assert dict(resolve("typiclust").options) == {"neighbours": 20, "max_clusters": 500, "max_pool": 50_000}


@pytest.mark.parametrize("limit", [2, 500])
def test_copies_come_last_of_all(limit: int) -> None:
    kinds = torch.arange(45) % 15
    x = blobs([5, 5, 5], 3)[0].float()[kinds]
    rows, scores = typiclust(x, x[:0], 45, seeded(), max_clusters=limit)
    assert len(set(kinds[rows[:15]].tolist())) == 15
    assert len(set(rows.tolist())) == 45
    assert scores.isfinite().all()


def test_a_row_alone_is_not_typical() -> None:
    x = torch.tensor([[0.0], [1.0], [1.5], [90.0]])
    rows, scores = typiclust(x, x[:0], 2, seeded(), max_clusters=2)
    assert rows.tolist() == [1, 3] or rows.tolist() == [2, 3]
    assert scores[0] == pytest.approx(1 / 0.75)
    assert scores[1] == 0


def test_large_pools_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    x, _ = blobs([40, 30, 20, 10], 6)
    with caplog.at_level(logging.WARNING):
        cut = typiclust(x, x[:3] + 1, 4, seeded(), max_pool=50)
    assert "typiclust looks at a random 50 of 100" in caplog.text
    assert cut.positions.tolist() == typiclust(x[:50], x[:3] + 1, 4, seeded()).positions.tolist()


@pytest.mark.parametrize("option", ["neighbours", "max_clusters"])
def test_options_are_at_least_one(option: str) -> None:
    resolve("typiclust", {option: 1})
    with pytest.raises(OptionsError, match=option):
        resolve("typiclust", {option: 0})


def test_queries_are_as_typical_as_those_of_scikit_activeml_and_cover_as_much() -> None:
    x = blobs([15] * 40, 32, noise=8.0)[0].relu().float()
    rows = typiclust(x, x[:0], 60, seeded()).positions
    labels = np.full(len(x), np.nan)
    theirs = TypiClust(k=20, random_state=0).query(x.numpy(), labels, batch_size=60)
    full = cdist(x, x)
    typical = np.sort(full)[:, 1:21].mean(1)
    assert full[:, rows].min(1).mean() <= 1.02 * full[:, theirs].min(1).mean()
    assert typical[rows].mean() <= 1.02 * typical[theirs].mean()
