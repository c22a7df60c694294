"""Where boxes of one size may lie in a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from queryloop.boxes.box import Box, Size, fitted
from queryloop.errors import OptionsError
from queryloop.voxels import Triple


@dataclass(frozen=True)
class BoxGrid:
    """Every stride-th corner of each axis and the last one, so that each voxel is in reach.

    shape: of the case. size: of the boxes, at most the shape. Positions are numbers of corners.
    """

    shape: Triple
    size: Triple
    stride: Triple = (1, 1, 1)

    @cached_property
    def corners(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The first voxels of the boxes, axis by axis, rising."""
        z, y, x = (_corners(*axis) for axis in zip(self.shape, self.size, self.stride, strict=True))
        return z, y, x

    @property
    def positions(self) -> Triple:
        """How many corners there are in each axis."""
        z, y, x = map(len, self.corners)
        return z, y, x

    def box(self, case: str, position: Sequence[int]) -> Box:
        """The box at a position."""
        z, y, x = (int(corners[at]) for corners, at in zip(self.corners, position, strict=True))
        return Box(case, (z, y, x), self.size)

    def touching(self, box: Box) -> tuple[slice, slice, slice]:
        """The positions at which a box would overlap this one, which may have another size."""
        z, y, x = (
            slice(
                int(np.searchsorted(corners, taken.start - size, side="right")),
                int(np.searchsorted(corners, taken.stop, side="left")),
            )
            for corners, size, taken in zip(self.corners, self.size, box.slices, strict=True)
        )
        return z, y, x


def grid_of(shape: Triple, size: Size, stride: Triple = (1, 1, 1)) -> BoxGrid:
    """The grid of a case for the wanted size. Raises OptionsError for a size or stride below 1."""
    if len(stride) != 3 or min(stride) < 1:
        raise OptionsError(f"the stride must be three steps from 1, not {stride!r}.")
    return BoxGrid(shape, fitted(size, shape), stride)


def _corners(length: int, size: int, stride: int) -> np.ndarray:
    last = length - size
    return np.append(np.arange(0, last, stride), last)
