"""How far each point lies from the nearest of those chosen, brought up to date only now and then."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from queryloop.strategies.geometry.neighbours import blocks_of
from queryloop.strategies.geometry.points import Points


class Reach:
    """The rows chosen so far (row -> gain) and every row's squared distance to them at the last update.

    A distance only shrinks as rows are chosen, so an outdated one is an upper bound. distances: (N,),
    infinite while there is no centre at all, -infinity for a chosen row since its update.
    """

    def __init__(self, points: Points, centres: Points | None = None) -> None:
        self.points = points
        self.distances = torch.full_like(points.squared_norms, math.inf)
        self.chosen: dict[int, float] = {}
        self.updated = 0
        if centres is not None:
            self.approach(centres)

    @property
    def pending(self) -> Tensor:
        """Rows chosen since the last update."""
        fresh = [*self.chosen][self.updated :]
        return torch.tensor(fresh, dtype=torch.int64, device=self.distances.device)

    def current(self, rows: Tensor) -> Tensor:
        """The distances of these rows now."""
        pending = self.pending
        if len(pending) == 0:
            return self.distances[rows]
        squares = self.points.rows(rows).least_squared_distances(self.points.rows(pending))
        return squares.minimum(self.distances[rows])

    def update(self) -> None:
        """Bring the distances of all rows up to date."""
        pending = self.pending
        self.approach(self.points.rows(pending))
        self.distances[pending] = -math.inf
        self.updated = len(self.chosen)

    def approach(self, centres: Points) -> None:
        """Let distances shrink to these centres, which need not be rows."""
        for block in blocks_of(len(self.points), len(centres)) if len(centres) else ():
            squares = self.points.rows(block).least_squared_distances(centres)
            self.distances[block] = squares.minimum(self.distances[block])

    def result(self) -> tuple[Tensor, Tensor]:
        """The chosen rows and their gains."""
        rows = torch.tensor([*self.chosen], dtype=torch.int64, device=self.distances.device)
        return rows, torch.tensor([*self.chosen.values()], dtype=self.distances.dtype, device=rows.device)
