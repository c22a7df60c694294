"""One query for each cluster of the pool."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from queryloop.strategies.geometry.copies import distinct
from queryloop.strategies.geometry.kmeans import kmeans, nearest_rows
from queryloop.strategies.geometry.neighbours import nearest
from queryloop.strategies.picks import Picks
from queryloop.strategies.registry import strategy
from queryloop.strategies.sampled import at_most
from queryloop.strategies.turns import ranks
from queryloop.values import Count

_FEW = 5  # rows of a cluster that is not asked before the others, as published


@strategy(family="clusters", source="Zhdanov 2019, without weights", bounds=(0.0, 1.0), diverse=True)
def k_means(embeddings: Tensor, k: int, generator: torch.Generator) -> Picks:
    """The row nearest to the centre of each of k clusters, largest cluster first.

    Formula: argmin over x of |x - centre of cluster c|, for c = 1..k.
    embeddings: (N, D). Returns Picks: share of the pool in the cluster, in [0, 1]. Copies count in a cluster
    but come last, with score 0.
    Cost: N k D a round, a few dozen rounds. Use: the first query, and batches that are to look like the
    pool. It knows nothing of the labels: from the second query on it repeats itself.
    """
    kinds = distinct(embeddings)
    rows = embeddings if len(kinds.repeats) == 0 else embeddings[kinds.firsts]
    mass = kinds.counts.to(embeddings)
    clusters = kmeans(rows, min(k, len(rows)), generator, weights=mass)
    shares = mass.new_zeros(len(clusters.centres)).index_add_(0, clusters.labels, mass) / mass.sum()
    order = shares.argsort(descending=True, stable=True)
    positions = kinds.firsts[nearest_rows(rows, clusters.centres)[order]]
    rest = kinds.repeats[: k - len(positions)]
    return Picks(torch.cat([positions, rest]), torch.cat([shares[order], shares.new_zeros(len(rest))]))


@strategy(family="clusters", source="Hacohen et al. 2022", bounds=(0.0, None), diverse=True)
def typiclust(
    embeddings: Tensor,
    labeled_embeddings: Tensor,
    k: int,
    generator: torch.Generator,
    *,
    neighbours: Annotated[int, Field(ge=1)] = 20,
    max_clusters: Annotated[int, Field(ge=1)] = 500,
    max_pool: Count = 50_000,
) -> Picks:
    """The most typical row of each cluster that holds no labelled row, largest cluster first.

    Formula: typicality(x) = 1 / mean distance of x to its `neighbours` nearest rows of its cluster.
    embeddings: (N, D); labeled_embeddings: (M, D), M may be 0. Clusters: k-means of all rows into
    min(M + k, max_clusters). Each pick goes to the cluster with fewest labelled and chosen rows, the largest
    of those; clusters of 5 rows or fewer, labelled ones among them, have their turns last: they are outliers.
    Returns Picks: typicality, in [0, inf); 0 for a row alone. Copies come last.
    Cost: (N + M)(M + k) D a round of k-means, N^2 D / clusters for the neighbours (at most max_pool rows).
    Use: the first few labels of each class, on self-supervised embeddings. With many labels it is worse
    than random, since it avoids whatever is unusual.
    """
    n = at_most(max_pool, len(embeddings), k, "typiclust")
    rows, known = embeddings[:n], len(labeled_embeddings)
    together = torch.cat([labeled_embeddings, rows])
    count = min(known + k, max_clusters, len(together))
    labels = kmeans(together, count, generator).labels
    labeled, sizes = (part.bincount(minlength=count) for part in (labels[:known], labels))
    typicality = _typicality(rows, labels[known:], neighbours)
    positions = _in_turns(labels[known:], labeled, sizes, typicality, distinct(rows).repeats)[:k]
    return Picks(positions, typicality[positions])


def _typicality(rows: Tensor, labels: Tensor, neighbours: int) -> Tensor:
    """1 / mean distance to the nearest rows of the same cluster: (N,)."""
    typicality = torch.zeros_like(rows[:, 0])
    for members in labels.argsort(stable=True).split(labels.bincount().tolist()):
        if len(members) > 1:
            inside = rows[members]
            distances, _ = nearest(inside, inside, neighbours, exclude_self=True)
            typicality[members] = 1 / distances.mean(dim=1).clamp_(min=torch.finfo(rows.dtype).tiny)
    return typicality


def _in_turns(labels: Tensor, labeled: Tensor, sizes: Tensor, typicality: Tensor, repeats: Tensor) -> Tensor:
    """All rows in the order in which clusters give them away, small ones and repeats of a row last: (N,).

    The next row comes from the cluster with fewest labelled and chosen rows, the largest of those.
    """
    late = torch.zeros_like(labels, dtype=torch.bool)
    late[repeats] = True
    turns = labeled[labels] + ranks(labels, (-typicality).masked_fill(late, torch.inf))
    keys = (part.cpu().numpy() for part in (-sizes[labels], turns, sizes[labels] <= _FEW, late))
    return torch.from_numpy(np.lexsort((labels.cpu().numpy(), *keys))).to(labels.device)
