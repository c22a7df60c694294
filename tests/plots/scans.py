"""Cases that pictures are drawn of."""

from __future__ import annotations

import numpy as np

from queryloop.plots.planes import ShownScan

SHAPE = (10, 20, 30)


def scan(
    case: str = "a", *, truth: bool = True, spacing: tuple[float, float, float] = (2, 1, 1)
) -> ShownScan:
    """A bright ball in the dark; class 1 is predicted in a part of class 2."""
    grid = np.indices(SHAPE) - np.array(SHAPE).reshape(3, 1, 1, 1) / 2
    inside = (grid**2).sum(axis=0) < 16
    labels = inside.astype(np.uint8) * 2
    predicted = np.where(grid[2] < 0, labels // 2, labels).astype(np.uint8)
    return ShownScan(inside.astype(np.float32) + len(case), spacing, predicted, labels if truth else None)
