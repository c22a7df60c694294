"""Boxes that do not overlap, best first, found on the array of all positions of a case."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from queryloop.boxes.box import Box
from queryloop.boxes.candidates import PLAIN, Candidates, candidates
from queryloop.boxes.grid import BoxGrid
from queryloop.randomness import generator


def free_positions(grid: BoxGrid, taken: Iterable[Box]) -> np.ndarray:
    """Where a box overlaps none of those that are taken. Returns one bool a position."""
    free = np.ones(grid.positions, dtype=bool)
    for box in taken:
        free[grid.touching(box)] = False
    return free


def greedy(
    scores: np.ndarray, grid: BoxGrid, case: str, *, n: int, seed: int, channel: int = PLAIN
) -> Candidates:
    """The best free box, again and again, at most n of them; fewer where no room is left.

    scores: one a position, float; -inf where no box may be. It is written to: what a chosen box overlaps
    becomes -inf. Equal scores: drawn from (seed, case). Only the best of each row of positions is looked at
    again, so a pick costs the rows around it and no sorting.
    """
    draw = generator(seed, 0, f"equal boxes of {case}")
    best = scores.max(axis=2)
    boxes: list[Box] = []
    found: list[float] = []
    while len(boxes) < n and (highest := best.max()) > -np.inf:
        row = divmod(int(draw.choice(np.flatnonzero(best == highest))), best.shape[1])
        boxes.append(grid.box(case, (*row, int(draw.choice(np.flatnonzero(scores[row] == highest))))))
        found.append(float(highest))
        z, y, x = grid.touching(boxes[-1])
        scores[z, y, x] = -np.inf
        best[z, y] = scores[z, y].max(axis=2)
    return candidates(boxes, found, channel)
