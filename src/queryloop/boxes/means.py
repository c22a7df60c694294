"""Mean of a voxel map over every box of a grid, plane by plane: beside the map, a window of its planes.

A window of planes is kept up to date along z; where a box begins, its rectangles are read off the integral
image of the window. Each voxel costs a few additions, whatever the size of the boxes.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from queryloop.boxes.grid import BoxGrid, grid_of
from queryloop.errors import InputError
from queryloop.strategies.registry import Bounds
from queryloop.voxels import Triple


class Means:
    """Box means of a map whose planes come in order. bounds: of the map, and so of its means."""

    def __init__(self, grid: BoxGrid, bounds: Bounds = (None, None)) -> None:
        self._grid, self._bounds = grid, bounds
        self._found = np.empty(grid.positions, dtype=np.float32)
        self._recent: deque[np.ndarray] = deque()
        self._window = np.zeros(grid.shape[1:])
        self._rows = {int(z): row for row, z in enumerate(grid.corners[0])}
        self._planes = 0
        self._rectangles = _Rectangles(grid)

    def add(self, planes: np.ndarray) -> None:
        """The next planes of the map. planes: (n, Y, X), kept until a box's depth of others, or all, follow.

        Raises InputError for planes of another size, or more of them than the case has.
        """
        if planes.shape[1:] != self._grid.shape[1:] or self._planes + len(planes) > self._grid.shape[0]:
            raise InputError(
                f"planes {self._planes} to {self._planes + len(planes) - 1} of a map have shape "
                f"{planes.shape[1:]}, but the case is {self._grid.shape}."
            )
        for plane in planes:
            self._push(plane)
        if self._planes == self._grid.shape[0]:
            self._recent.clear()  # they are views, which keep the map alive

    def result(self) -> np.ndarray:
        """The means, one a position of the grid, float32. Raises InputError while planes are missing.

        Differences of running sums can stray below the lowest score by rounding: they are set to it.
        """
        if self._planes < self._grid.shape[0]:
            raise InputError(f"a map has {self._planes} of the {self._grid.shape[0]} planes of its case.")
        if self._bounds != (None, None):
            np.clip(self._found, *self._bounds, out=self._found)
        return self._found

    def _push(self, plane: np.ndarray) -> None:
        depth = self._grid.size[0]
        self._window += plane
        self._recent.append(plane)
        self._planes += 1
        if len(self._recent) > depth:
            self._window -= self._recent.popleft()
        row = self._rows.get(self._planes - depth)
        if row is not None:
            np.divide(self._rectangles.sums(self._window), np.prod(self._grid.size), out=self._found[row])


def box_means(volume: np.ndarray, size: Triple, stride: Triple = (1, 1, 1)) -> np.ndarray:
    """Mean of a map over every box that lies in it. volume: (Z, Y, X). Returns one number a corner, float32.

    Corners are those of `BoxGrid`: every stride-th and the last. Means of a map from 0 are never below 0.
    """
    z, y, x = volume.shape
    lowest = 0.0 if volume.dtype == bool or volume.min() >= 0 else None
    means = Means(grid_of((z, y, x), size, stride), (lowest, None))
    means.add(volume)
    return means.result()


class _Rectangles:
    """Sums of a plane over all rectangles of a grid; the arrays in between are used again."""

    def __init__(self, grid: BoxGrid) -> None:
        _, self._height, self._width = grid.size
        _, self._top, self._left = grid.corners
        rows, columns = grid.shape[1:]
        self._down = np.zeros((rows + 1, columns))
        self._strips = np.empty((rows - self._height + 1, columns))
        self._across = np.zeros((len(self._top), columns + 1))
        self._sums = np.empty((len(self._top), columns - self._width + 1))

    def sums(self, plane: np.ndarray) -> np.ndarray:
        """plane: (Y, X). Returns one sum a corner, (y, x), until the next call."""
        for above, here, row in zip(self._down, self._down[1:], plane, strict=False):
            np.add(above, row, out=here)  # ten times as fast as numpy's cumsum along this axis
        np.subtract(self._down[self._height :], self._down[: -self._height], out=self._strips)
        np.cumsum(_every(self._strips, self._top, 0), axis=1, out=self._across[:, 1:])
        np.subtract(self._across[:, self._width :], self._across[:, : -self._width], out=self._sums)
        return _every(self._sums, self._left, 1)


def _every(sums: np.ndarray, corners: np.ndarray, axis: int) -> np.ndarray:
    return sums if len(corners) == sums.shape[axis] else sums.take(corners, axis=axis)
