"""Clusters and outliers against hdbscan itself, numpy, scikit-learn and loops."""

from __future__ import annotations

import logging
from collections import Counter

import numpy as np
import pytest
import scipy.stats
import torch
from hdbscan import HDBSCAN
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from queryloop.errors import OptionsError
from queryloop.strategies import density, resolve
from queryloop.strategies.density import cluster_outlier, glosh


def blobs(*sizes: int, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    """Far clusters of these sizes in 3 dimensions, and which row belongs to which."""
    draw = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    rows = draw.normal(size=(len(labels), 3)) + 100 * np.eye(3)[labels % 3] * (1 + labels // 3)[:, None]
    return torch.from_numpy(rows), labels


def reference(rows: torch.Tensor, size: int) -> HDBSCAN:
    return HDBSCAN(min_cluster_size=size, min_samples=1).fit(rows.numpy())


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def spied(monkeypatch: pytest.MonkeyPatch, found: bool = True) -> list[int]:
    """The cluster sizes that are tried, one after the other; each finds one cluster or none."""
    sizes: list[int] = []

    def stand_in(points: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        sizes.append(size)
        return np.full(len(points), found - 1), np.zeros(len(points))

    monkeypatch.setattr(density, "_hdbscan", stand_in)
    return sizes


@pytest.mark.parametrize("size", [2, 5, 10])
def test_glosh_takes_the_highest_scores_of_hdbscan(size: int) -> None:
    rows, _ = blobs(40, 30, 20)
    scores = reference(rows, size).outlier_scores_
    picks = glosh(rows, 4, 25, seeded(), min_cluster_size=size)
    np.testing.assert_allclose(picks.scores, sorted(scores, reverse=True)[:25], atol=1e-12)
    np.testing.assert_allclose(picks.scores, scores[picks.positions], atol=1e-12)


def test_glosh_keeps_the_order_of_equal_scores() -> None:
    rows = torch.eye(3, dtype=torch.float64).repeat_interleave(5, dim=0)
    assert glosh(rows, 4, 6, seeded(), min_cluster_size=2).positions.tolist() == list(range(6))


def test_the_query_is_split_equally_and_the_rest_goes_to_the_largest() -> None:
    rows, labels = blobs(40, 30, 20)
    for k, wanted in ((9, [3, 3, 3]), (10, [4, 3, 3]), (11, [4, 4, 3])):
        picks = cluster_outlier(rows, 1, k, seeded())  # size max(5, 90 // 10)
        assert np.bincount(labels[picks.positions], minlength=3).tolist() == wanted


def test_what_a_small_cluster_lacks_goes_to_the_others() -> None:
    rows, labels = blobs(40, 30, 12)
    found = reference(rows, 8)
    assert found.labels_.min() == 0
    picks = cluster_outlier(rows, 1, 60, seeded())
    assert np.bincount(labels[picks.positions]).tolist() == [24, 24, 12]


def test_noise_is_one_more_group() -> None:
    rows, _ = blobs(40, 40)
    rows = torch.cat([rows, torch.tensor([[-500.0, 0, 0], [0, -900, 0], [0, 0, -1500]])])
    found = reference(rows, 8)
    noise = np.flatnonzero(found.labels_ < 0)
    assert set(range(80, 83)) <= set(noise)
    groups = np.where(found.labels_ < 0, found.labels_.max() + 1, found.labels_)
    picks = cluster_outlier(rows, 1, 6, seeded(), min_cluster_size=8)
    counts = np.bincount(groups[picks.positions])
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(("share", "wanted"), [(0.0, 0), (0.2, 2), (0.5, 4), (1.0, 4)])
def test_a_share_of_each_cluster_comes_from_its_outliers(share: float, wanted: int) -> None:
    rows, labels = blobs(40, 40)
    scores = reference(rows, 8).outlier_scores_
    outliers = np.zeros(80, dtype=bool)
    for label in (0, 1):
        outliers[labels == label] = scores[labels == label] >= np.quantile(scores[labels == label], 0.9)
    assert [outliers[labels == label].sum() for label in (0, 1)] == [4, 4]
    picks = cluster_outlier(rows, 1, 20, seeded(), outlier_share=share)
    for label in (0, 1):
        rows_of = picks.positions.numpy()[labels[picks.positions] == label]
        assert len(rows_of) == 10
        assert outliers[rows_of].sum() == wanted
    np.testing.assert_allclose(picks.scores, scores[picks.positions], atol=1e-12)


def test_defaults_are_a_fifth_above_the_upper_tenth_in_fifty_dimensions() -> None:
    options = resolve("cluster_outlier").options
    assert options == {
        "min_cluster_size": None,
        "outlier_share": 0.2,
        "outlier_quantile": 0.9,
        "components": 50,
        "max_pool": 20_000,
    }
    assert resolve("glosh").options == {"min_cluster_size": None, "components": 50, "max_pool": 20_000}


def test_rows_of_a_cluster_are_drawn_by_chance() -> None:
    rows, _ = blobs(10, 10)
    found = Counter(
        int(cluster_outlier(rows, 1, 1, seeded(seed), outlier_share=0.5, outlier_quantile=0.0).positions)
        for seed in range(400)
    )
    assert set(found) <= set(range(10)) or set(found) <= set(range(10, 20))
    assert scipy.stats.chisquare([*found.values()]).pvalue > 1e-3
    assert len(found) == 10


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9, 1.0])
def test_quantiles_are_those_of_numpy_in_each_group(share: float) -> None:
    draw = np.random.default_rng(0)
    labels, values = draw.integers(4, size=50), draw.random(50)
    labels += labels >= 1  # group 1 has one row
    labels[9] = 1
    found = density._quantiles(density.Groups(*map(torch.from_numpy, (labels, values))), share)
    np.testing.assert_allclose(found, [np.quantile(values[labels == g], share) for g in range(5)], rtol=1e-12)


@pytest.mark.parametrize(
    ("n", "classes", "first"), [(30, 4, 5), (240, 4, 6), (399, 4, 9), (2000, 2, 100), (3000, 2, 100)]
)
def test_the_size_of_clusters_follows_the_pool(
    monkeypatch: pytest.MonkeyPatch, n: int, classes: int, first: int
) -> None:
    sizes = spied(monkeypatch)
    glosh(torch.zeros(n, 2), classes, 1, seeded())
    cluster_outlier(torch.zeros(n, 2), classes, 1, seeded())
    assert sizes == [first, first]


def test_the_size_is_halved_down_to_two_before_k_means_takes_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sizes = spied(monkeypatch, found=False)
    with caplog.at_level(logging.WARNING):
        glosh(torch.zeros(9, 2), 3, 1, seeded(), min_cluster_size=13)
        cluster_outlier(torch.zeros(9, 2), 30, 1, seeded(), min_cluster_size=3)
    assert sizes == [13, 6, 3, 2, 3, 2]
    first, second = caplog.messages
    assert first.startswith("glosh: HDBSCAN finds no cluster. K-means with 3 clusters takes over")
    assert second.startswith("cluster_outlier: HDBSCAN finds no cluster. K-means with 9 clusters")


def test_without_density_distance_to_the_centre_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    spied(monkeypatch, found=False)
    rows, labels = blobs(20, 20, 20)
    centres = np.stack([rows.numpy()[labels == g].mean(axis=0) for g in range(3)])
    distances = np.linalg.norm(rows.numpy() - centres[labels], axis=1)
    picks = glosh(rows, 3, 60, seeded())
    np.testing.assert_allclose(picks.scores, sorted(distances / distances.max(), reverse=True), rtol=1e-9)
    spread = cluster_outlier(rows, 3, 9, seeded())
    assert np.bincount(labels[spread.positions]).tolist() == [3, 3, 3]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("same", [True, False])
def test_a_tiny_pool_is_no_trouble(n: int, same: bool) -> None:
    rows = torch.ones(n, 2) if same else blobs(n)[0].float()
    for picks in (cluster_outlier(rows, 4, n, seeded()), glosh(rows, 4, n, seeded())):
        assert sorted(picks.positions.tolist()) == list(range(n))
        assert ((picks.scores >= 0) & (picks.scores <= 1)).all()


def test_nan_of_hdbscan_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stand:
        labels_ = np.array([0, 0, -1])
        outlier_scores_ = np.array([np.nan, 0.5, 1.0 + 1e-9])

        def __init__(self, **options: object) -> None: ...

        def fit(self, points: np.ndarray) -> Stand:
            return self

    monkeypatch.setattr("hdbscan.HDBSCAN", Stand)
    picks = glosh(torch.zeros(3, 2, dtype=torch.float64), 2, 3, seeded())
    assert picks.scores.tolist() == [1.0, 0.5, 0.0]
    assert picks.positions.tolist() == [2, 1, 0]


def test_principal_components_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(40, 6)) * [5, 4, 3, 0.1, 0.1, 0.1] + 7
    found = density._principal(torch.from_numpy(rows), 3)
    assert found.shape == (40, 3)
    np.testing.assert_allclose(pdist(found), pdist(PCA(3).fit_transform(rows)), rtol=1e-8)
    whole = torch.from_numpy(rows)
    assert density._principal(whole, 6) is whole


def test_few_components_hide_what_lies_across() -> None:
    rows, _ = blobs(30, 30)
    rows = torch.cat([1000 * torch.randn(60, 1, generator=seeded()).double(), rows], dim=1)
    split = cluster_outlier(rows, 1, 20, seeded(), components=1).positions
    assert torch.equal(split, cluster_outlier(rows[:, :1], 1, 20, seeded()).positions)


@pytest.mark.parametrize("strategy", [cluster_outlier, glosh])
def test_only_max_pool_rows_are_looked_at(strategy: object, caplog: pytest.LogCaptureFixture) -> None:
    rows, _ = blobs(40, 40)
    with caplog.at_level(logging.WARNING):
        picks = strategy(rows, 2, 10, seeded(), max_pool=30)
    assert picks.positions.max() < 30
    assert f"{strategy.__name__} looks at a random 30 of 80 samples" in caplog.text


def test_the_least_values_are_taken() -> None:
    least = {"min_cluster_size": 2, "components": 1, "max_pool": 1}
    assert resolve("glosh", least).options == least


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("min_cluster_size", 1),
        ("outlier_share", 1.01),
        ("outlier_quantile", -0.01),
        ("components", 0),
        ("max_pool", 0),
    ],
)
def test_options_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(OptionsError, match=option):
        resolve("cluster_outlier", {option: value})
