"""Queries that leave no sample of the pool far from a labelled one."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from queryloop.strategies.geometry.farthest import farthest
from queryloop.strategies.geometry.neighbours import blocks_of
from queryloop.strategies.geometry.points import Points, centred
from queryloop.strategies.geometry.reach import Reach
from queryloop.strategies.picks import Picks
from queryloop.strategies.registry import strategy
from queryloop.strategies.sampled import at_most
from queryloop.values import Count

_PAIRED = 1000  # rows among which the median distance is taken
_COLUMNS = 32  # kernel columns held at once


@strategy(family="coverage", source="Sener and Savarese 2018", bounds=(0.0, None), diverse=True)
def core_set(embeddings: Tensor, labeled_embeddings: Tensor, k: int) -> Picks:
    """The row farthest from all labelled and chosen rows, again and again (greedy k-centre).

    Formula: max over x of min over c of |x - c|.
    embeddings: (N, D); labeled_embeddings: (M, D), M may be 0: then the row nearest to the mean comes first.
    Returns Picks: distance to the nearest labelled or chosen row at the pick, in [0, inf); falling.
    Cost: N (M + k) D at most; exact, but only the leading rows are brought up to date. Use: when no corner
    of the data may go unseen. It seeks outliers and is often worse than random where classes are many or
    labels few.
    """
    rows, labeled = centred(embeddings, labeled_embeddings)
    reach = Reach(Points(rows), Points(labeled))
    farthest(reach, k)
    return Picks(*reach.result())


@strategy(family="coverage", source="Bae et al. 2024", bounds=(0.0, 1.0), diverse=True)
def max_herding(
    embeddings: Tensor,
    labeled_embeddings: Tensor,
    k: int,
    *,
    bandwidth: Annotated[float, Field(gt=0)] | None = None,
    max_pool: Count = 50_000,
) -> Picks:
    """The row that most raises the mean likeness of the pool to its most alike labelled or chosen row.

    Formula: max over x of mean over u of max(0, K(u, x) - max over c of K(u, c)),
    K(u, x) = exp(-|u - x|^2 / (2 bandwidth^2)).
    embeddings: (N, D); labeled_embeddings: (M, D), M may be 0. bandwidth: None takes the median distance
    between 1,000 rows. Returns Picks: the rise at the pick, in [0, 1]; falling. Copies come last.
    Cost: N^2 D once for the pool (at most max_pool rows), then N for each gain that is looked at again.
    Use: few labels, on embeddings that already tell classes apart; it picks dense, typical rows. Once there
    are many labels, uncertainty is better.
    """
    n = at_most(max_pool, len(embeddings), k, "max_herding")
    rows, labeled = centred(embeddings[:n], labeled_embeddings)
    herd = _Herd(Points(rows), Points(labeled), bandwidth)
    chosen: dict[int, float] = {}
    while len(chosen) < k:
        herd.take_leaders(chosen, k)
    positions = torch.tensor([*chosen], device=rows.device)
    return Picks(positions, torch.tensor([*chosen.values()], dtype=rows.dtype, device=rows.device))


class _Herd:
    """Each row's likeness to the chosen, and upper bounds of the gain of each: gains only shrink."""

    def __init__(self, points: Points, labeled: Points, bandwidth: float | None) -> None:
        self.points = points
        self.scale = -1 / (2 * (bandwidth or _median_distance(points)) ** 2)
        self.likeness = (Reach(points, labeled).distances * self.scale).exp()
        blocks = blocks_of(len(points), len(points))
        self.gains = torch.cat([self.gain(self.columns(block)) for block in blocks])
        self.gains[self.likeness == 1] = -1

    def columns(self, rows: Tensor | slice) -> Tensor:
        """The kernel between these rows and all: (rows, N)."""
        return self.points.rows(rows).squared_distances(self.points).mul_(self.scale).exp_()

    def gain(self, columns: Tensor) -> Tensor:
        return (columns - self.likeness).clamp_(min=0).mean(dim=1)

    def take_leaders(self, chosen: dict[int, float], k: int) -> None:
        """Look again at the rows of the largest bounds; take those that no other bound reaches."""
        bounds, rows = self.gains.topk(min(_COLUMNS + 1, len(self.gains)))
        bar = float(bounds[_COLUMNS]) if len(rows) > _COLUMNS else -math.inf
        rows = rows[:_COLUMNS]
        columns, left = self.columns(rows), bounds[:_COLUMNS]
        while len(chosen) < k and float(left.max()) >= bar:
            place = int(left.argmax())
            fresh = self.gain(columns[place, None])[0]
            if 0 <= fresh < left[place]:
                left[place] = fresh
            else:
                chosen[int(rows[place])] = max(0.0, float(left[place]))
                left[place] = -math.inf
                self.cover(columns[place])
                left = torch.where(columns[place, rows] == 1, left.clamp(max=-1), left)
        self.gains[rows] = left

    def cover(self, column: Tensor) -> None:
        """Count a row as chosen; its copies have nothing more to give and go to the end."""
        self.likeness = self.likeness.maximum(column)
        self.gains = torch.where(column == 1, self.gains.clamp(max=-1), self.gains)


def _median_distance(points: Points) -> float:
    """The median distance between the first rows, copies apart; 1 where there is none."""
    some = points.rows(slice(0, _PAIRED))
    squares = some.squared_distances(some)
    apart = squares[squares > 0]
    return float(apart.median().sqrt()) if len(apart) else 1.0
