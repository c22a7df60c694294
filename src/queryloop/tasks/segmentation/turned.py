"""Scans along the axes of their files, as networks know them that others trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from nibabel.orientations import io_orientation
from torch import Tensor

from queryloop.readers.volumes import FileGrid
from queryloop.training.volumes.prediction import Running

N = TypeVar("N", int, float)


@dataclass(frozen=True)
class Turn:
    """From the axes (z, y, x) of the store to those of a file, slowest first, and back.

    axes: of the store, in the order of the file. flipped: axes of the file that run the other way.
    """

    axes: tuple[int, int, int] = (0, 1, 2)
    flipped: tuple[int, ...] = ()

    def there(self, image: np.ndarray) -> np.ndarray:
        """An image (C, Z, Y, X) of the store along the axes of the file."""
        turned = image.transpose(0, *(axis + 1 for axis in self.axes))
        return np.ascontiguousarray(np.flip(turned, tuple(axis + 1 for axis in self.flipped)))

    def order_of(self, values: tuple[N, N, N]) -> tuple[N, N, N]:
        """Values of (z, y, x) in the order of the file."""
        a, b, c = (values[axis] for axis in self.axes)
        return a, b, c

    def back_into(self, sums: Running) -> Running:
        """What takes maps along the axes of the file, and adds them to sums of the store."""
        return _Back(self, sums)

    def back(self, maps: Tensor) -> Tensor:
        """Maps (..., Z, Y, X) of the file along the axes of the store."""
        turned = maps.flip([axis - 3 for axis in self.flipped])
        first = maps.ndim - 3
        return turned.permute(*range(first), *(first + self.axes.index(axis) for axis in range(3)))


@dataclass(frozen=True)
class _Back:
    turn: Turn
    sums: Running

    def add(self, probs: Tensor, energy: Tensor, *, start: int) -> None:
        """All planes at once: of some of them nobody knows where they lie in the store."""
        assert start == 0
        self.sums.add(self.turn.back(probs), self.turn.back(energy), start=0)


def turn_of(native: FileGrid) -> Turn:
    """The turn to the grid of a file, whose arrays nnU-Net reads as (z, y, x) of its own axes."""
    towards = io_orientation(native.affine)  # of each axis (x, y, z) of the file: which of RAS, and its sign
    slowest_first = towards[::-1]
    a, b, c = (2 - int(axis) for axis in slowest_first[:, 0])
    return Turn((a, b, c), tuple(int(i) for i in np.flatnonzero(slowest_first[:, 1] < 0)))
