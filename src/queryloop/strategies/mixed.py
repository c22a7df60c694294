"""Uncertainty and the shape of the pool together."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from queryloop.errors import InputError
from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.geometry.kmeans import kmeans, nearest_rows
from queryloop.strategies.geometry.neighbours import nearest
from queryloop.strategies.geometry.points import Points
from queryloop.strategies.picks import Picks
from queryloop.strategies.registry import strategy
from queryloop.strategies.sampled import at_most
from queryloop.strategies.turns import take_turns
from queryloop.strategies.uncertainty import entropy, margin
from queryloop.values import Count

_ROWS_PER_CLUSTER = 1.25
_BLOCK = 2**21  # numbers


@strategy(family="mixed", source="Citovsky et al. 2021", bounds=(-1.0, 0.0))
def cluster_margin(
    probs: Tensor,
    embeddings: Tensor,
    k: int,
    *,
    preselected: Count = 10,
    clusters: Count | None = None,
    max_pool: Count = 10_000,
) -> Picks:
    """The lowest margins, spread over clusters of the pool, small clusters first.

    Formula: of the preselected * k rows of lowest p1 - p2, one from each cluster in turn, the cluster with
    the fewest of them first, lowest margin first (the paper draws at random within a cluster). Clusters:
    average linkage over max_pool random rows, cut into `clusters` (rows / 1.25 where None); any other row
    belongs to the cluster of the nearest of these. The paper clusters the whole pool, once for all cycles.
    probs: (N, C); embeddings: (N, D). Returns Picks: p2 - p1, order of the turns, [-1, 0], no unit.
    Cost: N C + max_pool^2 D + preselected k max_pool D; 8 max_pool^2 bytes, 0.8 GB at 10,000. Use: for large
    queries, to keep margin from asking the same thing many times. Where no two rows are alike it is little
    else than margin, and like margin worse than random with the first few labels.
    """
    gaps = margin(probs)
    candidates = gaps.argsort(descending=True, stable=True)[: preselected * k]
    m = at_most(max_pool, len(gaps), 1, "cluster_margin")
    labels = _linked(embeddings[:m], clusters or math.ceil(m / _ROWS_PER_CLUSTER))
    nearest_sampled = nearest(embeddings[candidates], embeddings[:m], 1)[1].squeeze(1)
    nearest_sampled = torch.where(candidates < m, candidates, nearest_sampled)
    groups = labels[nearest_sampled]
    order = torch.arange(len(candidates), device=candidates.device)
    positions = candidates[take_turns(groups, order, groups.bincount(), k)]
    return Picks(positions, gaps[positions])


@strategy(family="mixed", source="Prabhu et al. 2021", bounds=(0.0, None))
def clue(
    probs: Tensor,
    embeddings: Tensor,
    k: int,
    generator: torch.Generator,
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
) -> Picks:
    """The rows nearest to the centres of uncertainty: k-means weighted by entropy.

    Formula: min over k centres c of sum over x of H(p_T(x)) |x - c(x)|^2, p_T = p^(1/T) normalised; equal
    weights where all entropies are 0.
    probs: (N, C); embeddings: (N, D). Returns Picks: summed entropy of the cluster, higher first, [0, inf),
    units of log C.
    Cost: N k D a round of k-means. Use: with a pretrained or shifted network, for queries of tens or more.
    Not proof against copies: two centres may have copies of one row nearest.
    """
    weights = in_blocks(lambda block: entropy((block.log() / temperature).softmax(dim=1)), probs)
    if not weights.any():
        weights = torch.ones_like(weights)
    labels, centres = kmeans(embeddings, k, generator, weights=weights)
    masses = weights.new_zeros(k).index_add_(0, labels, weights)
    order = masses.argsort(descending=True, stable=True)
    return Picks(nearest_rows(embeddings, centres[order]), masses[order])


@strategy(family="mixed", source="Margatina et al. 2021", bounds=(0.0, None))
def cal(
    probs: Tensor,
    embeddings: Tensor,
    labeled_probs: Tensor,
    labeled_embeddings: Tensor,
    *,
    neighbours: Count = 10,
) -> Tensor:
    """How much the prediction differs from those of the nearest labelled rows.

    Formula: mean over the nearest labelled x' of KL(p(x') || p(x)); zeros of p(x) count as 1e-38. All
    labelled rows where there are fewer than `neighbours`.
    probs: (N, C); embeddings: (N, D); labelled ones alike, M >= 1. Returns (N,), [0, inf), nats.
    Cost: N M D. Use: where predictions jump between alike rows, from some hundred labels on. Looks at one
    row at a time: a query of copies is possible.
    """
    if not len(labeled_probs):
        raise InputError("`cal` compares with labelled rows, but there are none: begin with random.")
    indices = nearest(embeddings, labeled_embeddings, neighbours)[1]
    certainty = -torch.special.entr(labeled_probs).sum(dim=1)
    size = max(1, _BLOCK // probs.shape[1])
    blocks = zip(probs.split(size), indices.split(size), strict=True)
    return torch.cat([_divergence(p, rows, labeled_probs, certainty) for p, rows in blocks])


def _divergence(probs: Tensor, neighbours: Tensor, labeled_probs: Tensor, certainty: Tensor) -> Tensor:
    """Mean KL in two parts, so that no (N, neighbours, C) is formed."""
    expected = torch.nn.functional.embedding_bag(neighbours, labeled_probs, mode="mean")
    logs = probs.clamp(min=torch.finfo(torch.float32).tiny).log_()  # the same in single and double precision
    return (certainty[neighbours].mean(dim=1) - (expected * logs).sum(dim=1)).clamp_(min=0)


def _linked(rows: Tensor, clusters: int) -> Tensor:
    """Average linkage, cut into at most so many clusters: labels (m,) from 0."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(rows) == 1:
        return torch.zeros(1, dtype=torch.int64, device=rows.device)
    tree = linkage(_condensed(rows.double()).cpu().numpy(), "average")
    labels = torch.from_numpy(fcluster(tree, clusters, "maxclust")).to(rows.device, torch.int64)
    return labels - 1


def _condensed(rows: Tensor) -> Tensor:
    """Distances of all pairs i < j in scipy's order, (m (m - 1) / 2,); scipy computes them one by one."""
    points, lengths = Points(rows), []
    for block in torch.arange(len(rows)).split(max(1, _BLOCK // len(rows))):
        squares = points.rows(block).squared_distances(points.rows(slice(int(block[0]), None)))
        lengths.append(squares[torch.ones_like(squares, dtype=torch.bool).triu_(1)].sqrt_())
    return torch.cat(lengths)
