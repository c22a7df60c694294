"""A box in a case: what is labelled at once in 3D. All in voxels of the store's grid, axes (z, y, x)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from queryloop.errors import InputError, OptionsError
from queryloop.voxels import Triple

Size = Triple | Literal["whole"]


@dataclass(frozen=True, order=True)
class Box:
    """The voxels from `corner` on, `size` of them in each axis; it never leaves its case."""

    case: str
    corner: Triple
    size: Triple

    @property
    def id(self) -> str:
        """`case@z,y,x`."""
        return f"{self.case}@{','.join(map(str, self.corner))}"

    @property
    def stop(self) -> Triple:
        """The first voxel behind the box in each axis."""
        return _three(first + length for first, length in zip(self.corner, self.size, strict=True))

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The box as an index into an array (Z, Y, X)."""
        z, y, x = map(slice, self.corner, self.stop)
        return z, y, x

    def overlaps(self, other: Box) -> bool:
        """Whether the two share a voxel; boxes that only touch do not."""
        apart = (
            mine.stop <= theirs.start or theirs.stop <= mine.start
            for mine, theirs in zip(self.slices, other.slices, strict=True)
        )
        return self.case == other.case and not any(apart)


def parse(box_id: str, size: Triple) -> Box:
    """The box of that id. Raises InputError for an id that is not `case@z,y,x`."""
    case, _, corner = box_id.rpartition("@")
    numbers = corner.split(",")
    if not case or len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
        raise InputError(f"{box_id!r} is no box: its id must be `case@z,y,x`, the corner in voxels.")
    return Box(case, _three(map(int, numbers)), size)


def fitted(size: Size, shape: Triple) -> Triple:
    """The wanted size, cut in each axis to that of the case. Raises OptionsError for a length below 1."""
    if size == "whole":
        return shape
    if len(size) != 3 or min(size) < 1:
        raise OptionsError(f"the size of a box must be three lengths from 1, or 'whole', not {size!r}.")
    return _three(map(min, size, shape))


def centred(case: str, centre: Iterable[int], size: Triple, shape: Triple) -> Box:
    """The box around a voxel, moved as far as it must be to lie in the case of this shape."""
    axes = zip(centre, size, shape, strict=True)
    return Box(case, _three(min(max(at - k // 2, 0), end - k) for at, k, end in axes), size)


def class_counts(labels: np.ndarray) -> np.ndarray:
    """Voxels of each class number. labels: (Z, Y, X) uint8. Returns (256,) int64, plane by plane."""
    counts = np.zeros(256, dtype=np.int64)
    for plane in labels:
        counts += np.bincount(plane.ravel(), minlength=256)
    return counts


def _three(numbers: Iterable[int]) -> Triple:
    z, y, x = (int(number) for number in numbers)
    return z, y, x
