"""Balls of one radius around the chosen rows, to hold as much of the pool as they can."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import normalize

from queryloop.strategies.geometry.farthest import farthest
from queryloop.strategies.geometry.kmeans import kmeans
from queryloop.strategies.geometry.neighbours import blocks_of
from queryloop.strategies.geometry.points import COPIES, Points
from queryloop.strategies.geometry.reach import Reach
from queryloop.strategies.picks import Picks
from queryloop.strategies.registry import strategy
from queryloop.strategies.sampled import at_most
from queryloop.values import Count

_PROBED = 2000  # rows whose balls are looked at to find the radius
_HELD = 2**23  # pairs compared at once: products of a few rows with all others would be slow
_BYTE = 255  # bits that can be counted in one byte
_WIDEST = 3.0  # a radius that holds everything of length 1


@strategy(family="coverage", source="Yehuda et al. 2022", bounds=(0.0, 1.0), diverse=True)
def prob_cover(
    embeddings: Tensor,
    labeled_embeddings: Tensor,
    n_classes: int,
    k: int,
    generator: torch.Generator,
    *,
    delta: Annotated[float, Field(gt=0)] | None = None,
    purity: Annotated[float, Field(gt=0, le=1)] = 0.95,
    max_pool: Count = 50_000,
) -> Picks:
    """The row whose ball of radius delta holds most rows that no ball holds yet, again and again.

    Formula: max over x of #{u not covered: |u - x| < delta}, on embeddings of length 1.
    embeddings: (N, D); labeled_embeddings: (M, D), M may be 0; labelled rows have balls too. delta: None
    takes the largest radius at which a share `purity` of the balls holds a single cluster of a k-means into
    n_classes. Returns Picks: share of the pool newly covered, in [0, 1]; falling. Once all is covered, the
    rows farthest from all labelled and chosen ones follow with score 0.
    Cost: N^2 D, N^2 / 8 bytes (at most max_pool rows). Use: a handful of labels a class on self-supervised
    embeddings. With many labels all is covered and it is mere core_set, often worse than random.
    """
    n = at_most(max_pool, len(embeddings), k, "prob_cover")
    rows = normalize(embeddings[:n])
    labeled = Points(normalize(labeled_embeddings))
    radius = delta if delta is not None else _pure_radius(rows, n_classes, purity, generator)
    reach = Reach(Points(rows), labeled)
    _Balls(reach, radius).take(k)
    if len(reach.chosen) < k:
        _go_on(reach, k)
    return Picks(*reach.result())


class _Balls:
    """Which row lies in which ball, one bit a pair; a copy lies in the ball whatever the radius.

    covered: (N,); counts: (N,), rows of each ball not covered yet, 0 for a chosen row and its copies.
    """

    def __init__(self, reach: Reach, radius: float) -> None:
        self.reach, self.n = reach, len(reach.points)
        self.limit = max(radius**2, COPIES * torch.finfo(reach.distances.dtype).eps)
        self.covered = (reach.distances < self.limit).cpu().numpy()
        self.bits = np.empty((self.n, -(-self.n // 8)), dtype=np.uint8)
        for columns in blocks_of(self.bits.shape[1], 8 * self.n, _HELD):
            self.fill(columns)
        self.counts = self.tally(~self.covered)
        self.closed = np.zeros(self.n, dtype=bool)

    def fill(self, columns: slice) -> None:
        """The bits of the rows that have these columns of bytes, as far as no earlier call knew them."""
        block = slice(8 * columns.start, min(8 * columns.stop, self.n))
        inside = self.pairs(block)
        self.bits[block, columns.start :] = _packed(inside)
        self.bits[block.stop :, columns] = _packed(inside[:, block.stop - block.start :].T)

    def pairs(self, block: slice) -> Tensor:
        """Whether |u - x|^2 < limit for x in the block and u there or behind it, solved for the product."""
        (rows,), squared = self.reach.points.factors, self.reach.points.squared_norms
        behind = slice(block.start, None)
        products = torch.addmm(squared[behind], rows[block], rows[behind].T, beta=-0.5)
        return products > (squared[block, None] - self.limit) / 2

    def tally(self, rows: np.ndarray) -> np.ndarray:
        """How many of these rows (a mask) lie in each ball."""
        counts = np.zeros(self.n, dtype=np.int64)
        chosen = rows.nonzero()[0]
        for start in range(0, len(chosen), _BYTE):
            bits = np.unpackbits(self.bits[chosen[start : start + _BYTE]], axis=1, count=self.n)
            counts += bits.sum(axis=0, dtype=np.uint8)
        return counts

    def take(self, k: int) -> None:
        """The fullest balls, until k are taken or all rows are covered."""
        while len(self.reach.chosen) < k and not self.covered.all():
            row = int(self.counts.argmax())
            ball = np.unpackbits(self.bits[row], count=self.n).astype(bool)
            fresh = ball & ~self.covered
            self.covered |= ball
            self.counts -= self.tally(fresh)
            self.close(row, ball)
            self.reach.chosen[row] = int(fresh.sum()) / self.n

    def close(self, row: int, ball: np.ndarray) -> None:
        """Never take the row or a copy of it again, even where rounding puts other rows into its ball."""
        points = self.reach.points
        suspects = (ball & (self.counts > 0)).nonzero()[0]
        squares = points.rows(torch.from_numpy(suspects)).squared_distances(points.rows(slice(row, row + 1)))
        self.closed[suspects[(squares[:, 0] == 0).cpu().numpy()]] = True
        self.closed[row] = True
        self.counts[self.closed] = 0


def _packed(pairs: Tensor) -> np.ndarray:
    return np.packbits(pairs.contiguous().cpu().numpy(), axis=1)


def _go_on(reach: Reach, k: int) -> None:
    """Farthest first, without gain."""
    gains = dict(reach.chosen)
    reach.update()
    farthest(reach, k)
    reach.chosen = dict.fromkeys(reach.chosen, 0.0) | gains


def _pure_radius(rows: Tensor, n_classes: int, purity: float, generator: torch.Generator) -> float:
    """The largest radius at which the share `purity` of open balls holds rows of one cluster only.

    A ball is pure up to the nearest row of another cluster: the answer is a quantile of that distance.
    """
    labels = kmeans(rows, min(n_classes, len(rows)), generator).labels
    points, pure = Points(rows), []
    for block in blocks_of(min(len(rows), _PROBED), len(rows)):
        squares = points.rows(block).squared_distances(points)
        pure.append(squares.masked_fill_(labels[block, None] == labels, _WIDEST**2).amin(dim=1))
    ordered = torch.cat(pure).sqrt().sort().values
    impure = math.floor((1 - purity) * len(ordered) + 1e-9)
    return float(ordered[min(impure, len(ordered) - 1)])
