"""Clusters against scikit-learn's, and the row of each centre."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from queryloop.strategies.geometry import kmeans as kmeans_module
from queryloop.strategies.geometry import neighbours
from queryloop.strategies.geometry.kmeans import kmeans, nearest_rows
from queryloop.strategies.geometry.points import Points
from queryloop.strategies.geometry.seeding import spread

from .rows import blobs, inertia, normal, seeded


@pytest.mark.parametrize(
    ("count", "width", "k"), [(40, 30, 40), (40, 30, 20), (20, 4, 30), (40, 3, 100), (40, 300, 20)]
)
def test_clusters_are_as_good_as_those_of_sklearn(count: int, width: int, k: int) -> None:
    x = blobs(count, 50, width)
    ours = np.median([inertia(x, *kmeans(x, k, seeded(seed))) for seed in range(3)])
    theirs = np.median([KMeans(k, n_init=1, random_state=s).fit(x.numpy()).inertia_ for s in range(3)])
    assert ours <= 1.02 * theirs


def test_centres_are_means_and_labels_nearly_the_nearest() -> None:
    x = blobs(10, 50, 5) + 100
    labels, centres = kmeans(x, 10, seeded())
    assert labels.shape == (500,)
    assert centres.shape == (10, 5)
    torch.testing.assert_close(centres, torch.stack([x[labels == label].mean(0) for label in range(10)]))
    assert (labels == torch.from_numpy(cdist(x, centres).argmin(1))).double().mean() > 0.99


def test_wide_rows_settle_in_all_directions() -> None:
    """Their clusters differ in more directions than those in which centres look for their places."""
    x = blobs(100, 20, 300)
    labels, centres = kmeans(x, 100, seeded())
    torch.testing.assert_close(centres, torch.stack([x[labels == label].mean(0) for label in range(100)]))
    assert (labels == torch.from_numpy(cdist(x, centres).argmin(1))).double().mean() > 0.99


def test_weights_are_multiplicities() -> None:
    x, counts = blobs(4, 25, 3), torch.arange(100) % 5
    repeated = x.repeat_interleave(counts, 0)
    weighted = min(
        float((counts * (x - c.centres[c.labels]).square().sum(1)).sum())
        for c in (kmeans(x, 4, seeded(s), weights=counts.double()) for s in range(3))
    )
    plain = min(inertia(repeated, *kmeans(repeated, 4, seeded(s))) for s in range(3))
    assert weighted == pytest.approx(plain, rel=1e-6)


def test_no_round_leaves_the_seeds_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmeans_module, "_MOVES", 0)
    x = blobs(10, 30, 3)
    seeds, _ = spread(Points(x), 25, seeded())
    labels, _ = kmeans(x, 25, seeded(), iterations=0)
    np.testing.assert_array_equal(labels, cdist(x, x[seeds]).argmin(1))
    errors = [inertia(x, *kmeans(x, 25, seeded(), iterations=rounds)) for rounds in (0, 1, 3, 100)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > errors[1] > errors[3]


def test_rows_without_any_weight_are_still_split() -> None:
    x = normal(20, 3)
    assert (
        nearest_rows(x, kmeans(x, 5, seeded(), weights=torch.zeros(20).double()).centres).unique().numel()
        == 5
    )


def test_empty_clusters_take_the_farthest_rows() -> None:
    x = torch.tensor([[0.0], [1.0], [5.0], [9.0]])
    lloyd = kmeans_module._Lloyd(x, torch.ones(4), 3, 10)
    fit = kmeans_module._Fit(torch.tensor([1, 1, 1, 1]), x.square()[:, 0], 0.0)
    assert lloyd.means(x, fit)[:, 0].tolist() == [9.0, 3.75, 5.0]


@pytest.mark.parametrize("block", [2**22, 60])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = blobs(10, 20, 4)
    whole = kmeans(x, 10, seeded())
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    labels, centres = kmeans(x, 10, seeded())
    assert torch.equal(labels, whole.labels)
    torch.testing.assert_close(centres, whole.centres)


@pytest.mark.parametrize("k", [1, 2, 7, 20])
def test_any_number_of_clusters(k: int) -> None:
    x = normal(20, 3)
    labels, centres = kmeans(x, k, seeded())
    assert len(set(labels.tolist())) == k
    if k == 1:
        torch.testing.assert_close(centres[0], x.mean(0))
    assert kmeans(torch.ones(20, 3), k, seeded()).centres.tolist() == [[1.0] * 3] * k


@pytest.mark.parametrize("block", [2**22, 45])
def test_each_centre_takes_the_nearest_row_left(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    x, centres = normal(20, 3), normal(4, 3, seed=1).repeat(4, 1)
    left, slow = cdist(centres, x), []
    for centre in range(16):
        slow.append(int(left[centre].argmin()))
        left[:, slow[-1]] = np.inf
    assert nearest_rows(x, centres).tolist() == slow


def test_of_equal_rows_each_is_taken_once() -> None:
    assert nearest_rows(torch.ones(4, 2), torch.ones(4, 2)).tolist() == [0, 1, 2, 3]


def test_with_many_rows_a_part_of_them_places_the_centres(monkeypatch: pytest.MonkeyPatch) -> None:
    x = blobs(6, 300, 5) + 100
    whole = kmeans(x, 6, seeded())
    monkeypatch.setattr(kmeans_module, "_PER_CLUSTER", 20)
    part = kmeans(x, 6, seeded())
    for found in (whole, part):
        means = torch.stack([x[found.labels == c].mean(dim=0) for c in range(6)])
        torch.testing.assert_close(found.centres, means, atol=1e-4, rtol=1e-4)
        assert sorted(np.bincount(found.labels.numpy()).tolist()) == [300] * 6


@pytest.mark.parametrize("rest", [0.0, 1e-9])
def test_heavy_rows_place_the_centres_however_many_rows_there_are(rest: float) -> None:
    heavy = blobs(10, 6, 4)
    x = torch.cat([heavy, 50 + normal(9000, 4)])
    weights = torch.full((len(x),), rest, dtype=x.dtype)
    weights[: len(heavy)] = 1
    _, centres = kmeans(x, 10, seeded(), weights=weights)
    assert (nearest_rows(x, centres) < len(heavy)).all()


def test_a_part_stands_for_the_whole_by_weight() -> None:
    x, weights = normal(400, 2), torch.rand(400, generator=seeded(1), dtype=torch.float64) ** 4
    sums = []
    for seed in range(300):
        rows, stand_in = kmeans_module._part(x, weights, 80, seeded(seed))
        assert len(rows.unique()) == 80
        assert (stand_in >= weights[rows]).all()
        sums.append(stand_in @ x[rows])
    found = torch.stack(sums)
    error = (found.mean(dim=0) - weights @ x) / (found.std(dim=0) / len(sums) ** 0.5)
    assert error.abs().max() < 4
