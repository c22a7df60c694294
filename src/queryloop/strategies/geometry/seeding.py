"""D^2 sampling, the seeding of k-means++ and the query of BADGE."""

from __future__ import annotations

from itertools import islice
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from queryloop.strategies.geometry.points import Points
from queryloop.strategies.geometry.reach import Reach

First = Literal["largest", "drawn"]

_BATCH = 128  # candidates drawn at once, at most
_CANDIDATE = 8  # what a candidate costs, in rows of an update


def spread(
    points: Points, k: int, generator: torch.Generator, weights: Tensor | None = None, first: First = "drawn"
) -> tuple[Tensor, Tensor]:
    """Draw k rows, each with a chance in proportion to weight times squared distance to those before.

    weights: (N,), 1 each where None. first: the row of the largest norm, or one drawn by weight.
    Returns positions (k,), all different, and the squared distance of each at its pick: the squared norm
    for the first, 0 for those taken in order once only copies and rows without weight are left.
    By rejection: candidates come from outdated distances and stay with the chance new / outdated, which
    is the same distribution; all rows are brought up to date in one product where too few would stay.
    O(N k D) at most.
    """
    drawing = _Drawing(points, weights, generator)
    drawing.begin(first)
    while len(drawing.reach.chosen) < k and drawing.chances.any():
        drawing.try_batch(k)
    drawing.fill(k)
    return drawing.reach.result()


class _Drawing:
    """One run of the sampler. chances: (N,), outdated; vain: candidates drawn since the last that stayed."""

    def __init__(self, points: Points, weights: Tensor | None, generator: torch.Generator) -> None:
        self.weights = torch.ones_like(points.squared_norms) if weights is None else weights
        self.reach, self.generator, self.chances = Reach(points), generator, self.weights
        self.vain = 0

    def begin(self, first: First) -> None:
        norms = self.reach.points.squared_norms
        row = int(norms.argmax() if first == "largest" else self.candidates(1))
        self.reach.chosen[row] = float(norms[row])
        self.update()

    def candidates(self, count: int) -> Tensor:
        """Rows drawn by their chances."""
        sums = self.chances.cumsum(0, dtype=torch.float64)
        shares = torch.rand(count, generator=self.generator, dtype=torch.float64).to(sums.device)
        return torch.searchsorted(sums, shares * sums[-1], right=True).clamp_(max=len(sums) - 1)

    def update(self) -> None:
        self.reach.update()
        self.vain = 0
        self.chances = self.reach.distances.clamp(min=0) * self.weights

    def try_batch(self, k: int) -> None:
        """Draw candidates, keep some, and bring all rows up to date where that is cheaper than to go on."""
        chosen = self.reach.chosen
        before, size = len(chosen), min(_BATCH, 4 * (k - len(chosen)))
        self.sift(self.candidates(size), k)
        kept, wanted, tried = len(chosen) - before, k - len(chosen), self.vain + size
        self.vain = 0 if kept else tried
        if wanted * tried * _CANDIDATE > max(1, kept) * len(self.weights):
            self.update()

    def sift(self, rows: Tensor, k: int) -> None:
        """Keep each candidate with the chance new / outdated distance, one after the other."""
        reach, points = self.reach, self.reach.points.rows(rows)
        shares = torch.rand(len(rows), generator=self.generator, dtype=torch.float64).numpy()
        bars, left = shares * reach.distances[rows].cpu().numpy(), reach.current(rows).cpu().numpy()
        between = points.squared_distances(points).cpu().numpy()
        for place, row in enumerate(rows.tolist()):
            if bars[place] < left[place] and row not in reach.chosen and len(reach.chosen) < k:
                reach.chosen[row] = float(left[place])
                left = np.minimum(left, between[place])

    def fill(self, k: int) -> None:
        """Take remaining rows in order."""
        chosen = self.reach.chosen
        rest = (row for row in range(len(self.weights)) if row not in chosen)
        chosen.update(dict.fromkeys(islice(rest, k - len(chosen)), 0.0))
