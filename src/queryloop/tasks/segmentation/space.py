"""Where a box of the store's grid lies in the file of its case, and in the patient."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import io_orientation

from queryloop.boxes.box import Box
from queryloop.errors import examples
from queryloop.readers.grid import affine, is_resampled, layout
from queryloop.readers.volumes import Case
from queryloop.voxels import Triple

logger = logging.getLogger(__name__)

Region = tuple[slice, slice, slice]
"""Voxels of a file, as an index into its array (x, y, z)."""

_EXACT = 1e-6  # of a voxel: what floating point numbers lose


@dataclass(frozen=True)
class Placement:
    """A box in the patient, in millimetres RAS.

    centre: (3,). axes: (3, 3), its columns are the directions of x, y and z of the store. size: (3,), along
    these axes.
    """

    centre: np.ndarray
    axes: np.ndarray
    size: np.ndarray


def place(box: Box, case: Case) -> Placement:
    """Where a box lies in the patient."""
    to_mm = affine(case)
    spacing = voxel_sizes(to_mm)
    corner, size = np.array(box.corner[::-1]), np.array(box.size[::-1])
    centre = to_mm[:3, :3] @ (corner + (size - 1) / 2) + to_mm[:3, 3]
    return Placement(centre, to_mm[:3, :3] / spacing, size * spacing)


def cut_affine(box: Box, case: Case) -> np.ndarray:
    """(4, 4), from a voxel (x, y, z) of what is cut out at a box to millimetres, RAS."""
    moved = affine(case)
    moved[:3, 3] += moved[:3, :3] @ box.corner[::-1]
    return moved


def covering(box: Box, case: Case) -> Region:
    """All voxels of the file that a box shares, or that decide about the label of one of its voxels."""
    first, last = _edges(box, case)
    ratio = np.array([axis.ratio for axis in _axes(case)])
    half = (ratio - 1) / 2  # edge to centre: in a voxel of the store, less in one of the file
    low = np.floor(np.minimum(first, first + half) + _EXACT)
    high = np.ceil(np.maximum(last, last - half) - _EXACT)
    return _region(np.maximum(low, 0), np.minimum(high, case.native.shape))


def in_file(labels: np.ndarray, box: Box, case: Case) -> np.ndarray:
    """Labels of a box, (dz, dy, dx), as the voxels of the file that it covers show them, (x, y, z).

    Each shows the voxel of the box that its centre lies in or is nearest to; exact where the case was not
    resampled.
    """
    axes, picked = _axes(case), [np.empty(0, int)] * 3
    for axis, side in zip(axes, covering(box, case), strict=True):
        centres = np.arange(side.start, side.stop) + 0.5
        centres = axis.n - centres if axis.flipped else centres
        inside = np.floor(centres / axis.ratio).astype(int) - box.corner[axis.of]
        picked[axis.of] = np.clip(inside, 0, box.size[axis.of] - 1)
    return labels[np.ix_(*picked)].transpose([axis.of for axis in axes])


def nearest(box: Box, case: Case) -> Region:
    """The voxels of the file whose edges are nearest to those of a box, at least one along each axis.

    Boxes that do not overlap have regions that do not, where the store's grid is no finer than the file's.
    """
    first, last = (np.floor(edge + 0.5 + _EXACT) for edge in _edges(box, case))
    first = np.minimum(first, np.array(case.native.shape) - 1)
    return _region(first, np.maximum(last, first + 1))


def from_file(case: Case, corner: Sequence[int], size: Sequence[int]) -> Box:
    """The box of the store whose edges are nearest to these voxels (x, y, z) of the file.

    The way back of `nearest`; exact where the case was not resampled.
    """
    start, stop = np.empty(3), np.empty(3)
    for axis, low, length in zip(_axes(case), corner, size, strict=True):
        start[axis.of], stop[axis.of] = np.divide(axis.turned(low, low + length), axis.ratio)
    first = np.minimum(np.floor(start + 0.5 + _EXACT), np.array(case.shape) - 1)
    length = np.maximum(np.floor(stop + 0.5 + _EXACT) - first, 1)
    return Box(case.sample_id, _three(first), _three(length))


def warn_of_moved(cases: Sequence[Case]) -> None:
    """Say where edges of boxes move between the voxels of the file and those of the store."""
    resampled = [case.sample_id for case in cases if is_resampled(case)]
    if resampled:
        logger.warning(
            "%d cases were resampled (%s): boxes of loop files move to the nearest voxels. Read the scans "
            "that nnActive resampled itself to keep every voxel.",
            len(resampled),
            examples(resampled),
        )


def _edges(box: Box, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Where a box begins and ends along the axes of the file, in voxels from its outer edge."""
    sides = [(a, a.ratio * box.corner[a.of], a.ratio * box.stop[a.of]) for a in _axes(case)]
    first, last = np.transpose([axis.turned(low, high) for axis, low, high in sides])
    return first, last


class _Axis(NamedTuple):
    """An axis of the file, of n voxels: the axis (z, y, x) of the store that it runs along.

    flipped: they run against each other. ratio: voxels of the file in one of the store.
    """

    of: int
    flipped: bool
    n: int
    ratio: float

    def turned(self, low: float, high: float) -> tuple[float, float]:
        """Two ends along one of the two axes, from low to high along the other."""
        return (self.n - high, self.n - low) if self.flipped else (low, high)


def _axes(case: Case) -> list[_Axis]:
    ratio = np.divide(layout(case.native)[0], case.shape)
    towards = [(2 - int(to), sign < 0) for to, sign in io_orientation(case.native.affine)]
    return [
        _Axis(of, flipped, n, ratio[of]) for (of, flipped), n in zip(towards, case.native.shape, strict=True)
    ]


def _region(first: np.ndarray, stop: np.ndarray) -> Region:
    x, y, z = (slice(int(a), int(b)) for a, b in zip(first, stop, strict=True))
    return x, y, z


def _three(numbers: np.ndarray) -> Triple:
    z, y, x = (int(number) for number in numbers)
    return z, y, x
