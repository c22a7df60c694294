"""k-means: Lloyd's rounds in matrix products, and centres that are moved to where more is to gain."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from queryloop.strategies.geometry.directions import directions
from queryloop.strategies.geometry.neighbours import blocks_of
from queryloop.strategies.geometry.points import Points, centred
from queryloop.strategies.geometry.seeding import spread

_DIRECTIONS = 64  # in which centres look for their places
_WIDE = 256  # dimensions from which on that is worth rounds in fewer of them
_PER_CLUSTER = 256  # rows a centre needs to find its place
_HELD = 2**24  # distances held at once where each block reads all rows
_ENOUGH = 1e-4  # relative gain below which a round of Lloyd was the last
_MOVES = 12  # times that centres are moved at most
_WORTH = 2e-3  # relative gain below which too many were moved at once
_CHEAP = 0.5  # a centre moves if it saves less than this share of the error of the cluster that it goes to


class Clusters(NamedTuple):
    """labels: (N,), the cluster of each row; centres: (k, D), their means."""

    labels: Tensor
    centres: Tensor


class _Fit(NamedTuple):
    """labels: (N,); squares: (N,), squared distance to the own centre; error: their weighted sum."""

    labels: Tensor
    squares: Tensor
    error: float


def kmeans(
    embeddings: Tensor,
    k: int,
    generator: torch.Generator,
    *,
    weights: Tensor | None = None,
    iterations: int = 100,
) -> Clusters:
    """Split rows into k clusters of little squared distance to their (weighted) means.

    embeddings: (N, D), k <= N; weights: (N,), 1 each where None. Seeds by D^2 sampling; Lloyd until no row
    changes its cluster or a round gains less than 1e-4, `iterations` rounds at most; then centres that
    share a cluster move to clusters that lack one, as long as that gains. Of 256 dimensions and more all that
    happens in the 64 directions of most variance, before Lloyd in all of them. An empty cluster takes the
    row that lies farthest from its centre. Of more than 256 k rows that many, drawn by weight, place the
    centres. O(min(N, 256 k) k D) a round; distances are held in blocks.
    """
    mass = torch.ones_like(embeddings[:, 0]) if weights is None else weights
    whole, most = _Lloyd(embeddings, mass, k, iterations), _PER_CLUSTER * k
    if len(embeddings) <= most:
        (rows,) = centred(embeddings)
        fit = _Lloyd(rows, mass, k, iterations).best(generator)
    else:
        some, heavy = _part(embeddings, weights, most, generator)
        sample = embeddings[some]
        (rows,) = centred(sample)
        part = _Lloyd(rows, heavy, k, iterations)
        fit = whole.assigned_by_parts(part.means(part.rows, part.best(generator)), sample)
    return Clusters(fit.labels, whole.means(embeddings, fit))


def _part(
    embeddings: Tensor, weights: Tensor | None, most: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Different rows and weights that stand for all, heavy rows for themselves: a priority sample.

    Any sum of weights over rows is in the mean the one over all (Duffield et al. 2007).
    """
    if weights is None:
        some = torch.randperm(len(embeddings), generator=generator)[:most].to(embeddings.device)
        return some, torch.ones_like(embeddings[some, 0])
    shares = 1 - torch.rand(len(weights), generator=generator, dtype=torch.float64)
    first = (weights / shares.to(weights.device)).topk(most + 1)
    some, bar = first.indices[:most], first.values[most]
    return some, weights[some].clamp(min=float(bar))


def nearest_rows(embeddings: Tensor, centres: Tensor) -> Tensor:
    """The row nearest to each centre that none before it took: (k,) different positions.

    embeddings: (N, D); centres: (k, D), k <= N. O(N k D); distances are held in blocks.
    """
    rows, targets = map(Points, centred(embeddings, centres))
    taken: list[int] = []
    for block in blocks_of(len(targets), len(rows), _HELD):
        squares = targets.rows(block).squared_distances(rows)
        squares[:, taken] = math.inf
        for place in range(len(squares)):
            taken.append(int(squares[place].argmin()))
            squares[:, taken[-1]] = math.inf
    return torch.tensor(taken, device=embeddings.device)


class _Lloyd:
    """Weighted rows to be split into k clusters."""

    def __init__(self, rows: Tensor, mass: Tensor, k: int, iterations: int) -> None:
        self.rows, self.mass, self.k, self.iterations = rows, mass, k, iterations
        self.points = Points(rows)

    def best(self, generator: torch.Generator) -> _Fit:
        """The fit of placed centres; those of wide rows are placed in few directions and settle in all."""
        if self.rows.shape[1] < _WIDE:
            return self.placed(generator)
        axes = directions(self.rows, self.mass, _DIRECTIONS, generator)
        narrow = _Lloyd(self.rows @ axes, self.mass, self.k, self.iterations)
        return self.settled(self.means(self.rows, narrow.placed(generator)))

    def placed(self, generator: torch.Generator) -> _Fit:
        """Seeds, Lloyd, and centres moved as long as it gains."""
        seeds, _ = spread(self.points, self.k, generator, self.mass)
        best = self.settled(self.rows[seeds])
        movable = max(1, self.k // 4)
        for _ in range(_MOVES):
            trial = self.settled(self.moved(best, movable, generator))
            gain = best.error - trial.error
            best = trial if gain > 0 else best
            if gain <= _WORTH * best.error:
                movable //= 4
            if movable <= self.k // 32:
                break
        return best

    def settled(self, centres: Tensor) -> _Fit:
        """Rounds of Lloyd from these centres until nothing changes."""
        fit = self.assigned(centres)
        for _ in range(self.iterations):
            before, fit = fit, self.assigned(self.means(self.rows, fit))
            if torch.equal(fit.labels, before.labels) or before.error - fit.error <= _ENOUGH * before.error:
                break
        return fit

    def assigned(self, centres: Tensor) -> _Fit:
        """Each row to its nearest centre."""
        labels, squares = (part[:, 0] for part in self.nearest_centres(centres, 1))
        return _Fit(labels, squares, float(self.mass @ squares))

    def assigned_by_parts(self, centres: Tensor, sample: Tensor) -> _Fit:
        """Each row to its nearest centre, all moved as `centred` moves the sample: one part at a time."""
        parts = [
            _Lloyd(centred(sample, rows)[1], mass, self.k, 0).assigned(centres)
            for rows, mass in zip(self.rows.split(len(sample)), self.mass.split(len(sample)), strict=True)
        ]
        labels, squares, errors = zip(*parts, strict=True)
        return _Fit(torch.cat(labels), torch.cat(squares), sum(errors))

    def nearest_centres(self, centres: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The one or two nearest centres of each row and the squared distances to them: both (N, count)."""
        squares = self.rows.new_empty(len(self.rows), count)
        labels = torch.empty_like(squares, dtype=torch.int64)
        lengths = centres.square().sum(dim=1)
        for block in blocks_of(len(self.rows), self.k):
            gaps = torch.addmm(lengths, self.rows[block], centres.T, alpha=-2)
            for place in range(count):
                squares[block, place], labels[block, place] = gaps.min(dim=1)
                gaps.scatter_(1, labels[block, place, None], math.inf)
        return labels, squares.add_(self.points.squared_norms[:, None]).clamp_(min=0)

    def means(self, rows: Tensor, fit: _Fit) -> Tensor:
        """The weighted mean of each cluster; the farthest rows for those without weight."""
        sums = rows.new_zeros(self.k, rows.shape[1])
        for block in blocks_of(len(rows), rows.shape[1]):
            sums.index_add_(0, fit.labels[block], rows[block] * self.mass[block, None])
        sizes = self.per_cluster(fit.labels, self.mass)
        empty = (sizes == 0).nonzero().squeeze(1)
        sums[empty] = rows[(self.mass * fit.squares).topk(len(empty)).indices]
        return sums / sizes.masked_fill(sizes == 0, 1)[:, None]

    def per_cluster(self, labels: Tensor, values: Tensor) -> Tensor:
        return values.new_zeros(self.k).index_add_(0, labels, values)

    def moved(self, fit: _Fit, count: int, generator: torch.Generator) -> Tensor:
        """The centres, up to `count` that save little now at a row drawn from a cluster of large error."""
        centres = self.means(self.rows, fit)
        if self.k == 1:
            return centres
        labels, squares = self.nearest_centres(centres, 2)
        error = self.per_cluster(labels[:, 0], self.mass * squares[:, 0])
        saving = self.per_cluster(labels[:, 0], self.mass * (squares[:, 1] - squares[:, 0]))
        idle = self.idle(centres, saving)[:count]
        crowded = error.argsort(descending=True)[: len(idle)]
        worth = (saving[idle] < _CHEAP * error[crowded]) & ~torch.isin(crowded, idle)
        rows = self.drawn(labels[:, 0], self.mass * squares[:, 0], generator)
        centres[idle[worth]] = self.rows[rows[crowded[worth]]]
        return centres

    def idle(self, centres: Tensor, saving: Tensor) -> Tensor:
        """Centres that may go, least saving first; never two that stand in for each other."""
        points = Points(centres)
        neighbour = points.squared_distances(points).fill_diagonal_(math.inf).argmin(dim=1)
        free = (saving < saving[neighbour]).nonzero().squeeze(1)
        return free[saving[free].argsort()]

    def drawn(self, labels: Tensor, weights: Tensor, generator: torch.Generator) -> Tensor:
        """One row of each cluster, drawn by weight (the longest of exponential races); (k,)."""
        times = -torch.rand(len(labels), generator=generator).to(weights).log()
        order = (weights / times).argsort(stable=True)
        order = order[labels[order].argsort(stable=True)]
        return order[labels.bincount(minlength=self.k).cumsum(0) - 1]
