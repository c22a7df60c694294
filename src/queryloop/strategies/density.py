"""Density-based clusters and their outliers (HDBSCAN, GLOSH)."""

from __future__ import annotations

import logging
import warnings
from typing import Annotated, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from queryloop.strategies.geometry.kmeans import kmeans
from queryloop.strategies.picks import Picks
from queryloop.strategies.registry import strategy
from queryloop.strategies.sampled import at_most
from queryloop.strategies.turns import ranks, starts, take_turns
from queryloop.values import Count

logger = logging.getLogger(__name__)

Pair = Annotated[int, Field(ge=2)]
Share = Annotated[float, Field(ge=0, le=1)]


class Groups(NamedTuple):
    """labels: (N,), the group of each row, from 0; outlying: (N,), in [0, 1], 1 farthest out."""

    labels: Tensor
    outlying: Tensor


@strategy(family="clusters", source="McInnes et al. 2017; Campello et al. 2015", bounds=(0.0, 1.0))
def cluster_outlier(
    embeddings: Tensor,
    n_classes: int,
    k: int,
    generator: torch.Generator,
    *,
    min_cluster_size: Pair | None = None,
    outlier_share: Share = 0.2,
    outlier_quantile: Share = 0.9,
    components: Count = 50,
    max_pool: Count = 20_000,
) -> Picks:
    """An equal part of the query from each cluster, a share of it from the cluster's own outliers.

    Formula: HDBSCAN (min_samples 1) of the first `components` principal components; the noise is one more
    group. k / groups rows each, the rest to the largest groups first, what a small group lacks to the
    others; in each group outlier_share of them at random from its outliers (GLOSH >= the group's own
    outlier_quantile), the others at random from its other rows, and from either where one has run out.
    min_cluster_size: max(5, min(100, N / (10 C))) where None, halved down to 2 while no cluster is found;
    then k-means with C clusters takes over, and distance to the centre stands for GLOSH.
    embeddings: (N, D). Returns Picks: GLOSH of the row, order of the turns, [0, 1], no unit.
    Cost: N^2 components, N cut to max_pool; half a minute at 20,000 rows, and as long again for each halving.
    Use: to see all parts of a pool, rare ones included, at the start. Worse than random where classes are
    not clusters: few clusters are found, and the noise, often half of the pool, is one group among them.
    """
    m = at_most(max_pool, len(embeddings), k, "cluster_outlier")
    groups = _groups(embeddings[:m], n_classes, generator, min_cluster_size, components, "cluster_outlier")
    outliers = groups.outlying >= _quantiles(groups, outlier_quantile)[groups.labels]
    drawn = torch.randperm(m, generator=generator).to(embeddings.device)
    nth = ranks(2 * groups.labels + outliers, drawn) + 0.5
    shares = torch.where(outliers, outlier_share, 1 - outlier_share).to(nth)
    positions = take_turns(groups.labels, nth / shares, -groups.labels.bincount(), k)
    return Picks(positions, groups.outlying[positions])


@strategy(family="clusters", source="Campello et al. 2015", bounds=(0.0, 1.0))
def glosh(
    embeddings: Tensor,
    n_classes: int,
    k: int,
    generator: torch.Generator,
    *,
    min_cluster_size: Pair | None = None,
    components: Count = 50,
    max_pool: Count = 20_000,
) -> Picks:
    """The rows that lie farthest outside of the clusters that are densest near them.

    Formula: GLOSH = 1 - lambda(x) / lambda_max(cluster of x), 0/0 = 0, lambda the inverse of the distance
    at which a row leaves its HDBSCAN cluster (min_samples 1, on principal components; min_cluster_size as
    in `cluster_outlier`). Where no cluster is found: distance to the nearest of C k-means centres, divided
    by the largest.
    embeddings: (N, D). Returns Picks: GLOSH, higher first, [0, 1], no unit.
    Cost: N^2 components, N cut to max_pool; half a minute at 20,000 rows, and as long again for each halving.
    Use: to look for anomalies and broken files. As a query it is mostly worse than random: outliers are few,
    unlike each other, and teach little about the rest.
    """
    m = at_most(max_pool, len(embeddings), k, "glosh")
    outlying = _groups(embeddings[:m], n_classes, generator, min_cluster_size, components, "glosh").outlying
    positions = outlying.argsort(descending=True, stable=True)[:k]
    return Picks(positions, outlying[positions])


def _groups(
    embeddings: Tensor,
    n_classes: int,
    generator: torch.Generator,
    min_cluster_size: int | None,
    components: int,
    asker: str,
) -> Groups:
    rows = _principal(embeddings, components)
    size = min_cluster_size or max(5, min(100, len(rows) // (10 * n_classes)))
    return _by_density(rows, size) or _by_centres(rows, n_classes, generator, asker)


def _principal(embeddings: Tensor, components: int) -> Tensor:
    """The first principal components, or all columns where there are no more of them."""
    if embeddings.shape[1] <= components:
        return embeddings
    rows = (embeddings - embeddings.mean(dim=0)).double()
    axes = torch.linalg.eigh(rows.T @ rows).eigenvectors[:, -components:]
    return (rows @ axes).to(embeddings.dtype)


def _by_density(rows: Tensor, size: int) -> Groups | None:
    """HDBSCAN clusters, the noise as the last group; None where there is no cluster of two rows even."""
    points = rows.double().cpu().numpy()
    while len(points) > 1:
        labels, outlying = _hdbscan(points, size)
        if labels.max() >= 0:
            labels[labels < 0] = labels.max() + 1
            return Groups(torch.from_numpy(labels).to(rows.device), torch.from_numpy(outlying).to(rows))
        if size == 2:
            break
        size = max(2, size // 2)
    return None


def _hdbscan(points: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, -1 for noise, and GLOSH scores."""
    from hdbscan import HDBSCAN  # here: it takes two seconds

    # In 50 dimensions Prim's way takes half the time of Boruvka's, the default; one job for one result.
    options = {"min_samples": 1, "algorithm": "prims_kdtree", "core_dist_n_jobs": 1}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = HDBSCAN(min_cluster_size=size, **options).fit(points)
        scores = found.outlier_scores_
    # NaN where a row and its cluster leave at distance 0: hdbscan issue 374.
    return found.labels_.astype(np.int64), np.nan_to_num(scores, nan=0.0).clip(0, 1)


def _by_centres(rows: Tensor, n_classes: int, generator: torch.Generator, asker: str) -> Groups:
    """K-means clusters, and distances to the centre as a share of the largest."""
    k = min(n_classes, len(rows))
    logger.warning(
        "%s: HDBSCAN finds no cluster. K-means with %d clusters takes over, with distance to the centre as "
        "outlier score.",
        asker,
        k,
    )
    labels, centres = kmeans(rows, k, generator)
    distances = (rows - centres[labels]).norm(dim=1)
    return Groups(labels, distances / distances.max().clamp(min=torch.finfo(rows.dtype).tiny))


def _quantiles(groups: Groups, share: float) -> Tensor:
    """Each group's own quantile of `outlying`, between the two nearest rows by proportion: (G,)."""
    order = groups.outlying.argsort()
    ascending = groups.outlying[order[groups.labels[order].argsort(stable=True)]]
    place = (groups.labels.bincount().clamp(min=1) - 1).double() * share
    first, last = starts(groups.labels), len(ascending) - 1
    below, above = (ascending[(first + end.long()).clamp(max=last)] for end in (place.floor(), place.ceil()))
    return torch.lerp(below, above, place.frac().to(below))
