"""Where a box of the store's grid lies in the file of its case, and in the patient."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

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
class Place:
    """A box in the patient, in millimetres RAS.

    centre: (3,). axes: (3, 3), its columns are the directions of x, y and z of the store. size: (3,), along
    these axes.
    """

    centre: np.ndarray
    axes: np.ndarray
    size: np.ndarray


def place(box: Box, case: Case) -> Place:
    """Where a box lies in the patient."""
    to_mm = affine(case)
    spacing = voxel_sizes(to_mm)
    corner, size = np.array(box.corner[::-1]), np.array(box.size[::-1])
    centre = to_mm[:3, :3] @ (corner + (size - 1) / 2) + to_mm[:3, 3]
    return Place(centre, to_mm[:3, :3] / spacing, size * spacing)


def cut_affine(box: Box, case: Case) -> np.ndarray:
    """(4, 4), from a voxel (x, y, z) of what is cut out at a box to millimetres, RAS."""
    moved = affine(case)
    moved[:3, 3] += moved[:3, :3] @ box.corner[::-1]
    return moved


def covering(box: Box, case: Case) -> Region:
    """All voxels of the file that a box shares, or that decide about the label of one of its voxels."""
    first, last = _edges(box, case)
    half = (_ratio(case) - 1) / 2  # edge to centre: in a voxel of the store, less in one of the file
    low = np.floor(np.minimum(first, first + half) + _EXACT)
    high = np.ceil(np.maximum(last, last - half) - _EXACT)
    return _region(np.maximum(low, 0), np.minimum(high, case.native.shape))


def in_file(labels: np.ndarray, box: Box, case: Case) -> np.ndarray:
    """Labels of a box, (dz, dy, dx), as the voxels of the file that it covers show them, (x, y, z).

    Each shows the voxel of the box that its centre lies in or is nearest to; exact where the case was not
    resampled.
    """
    picked, order = [np.empty(0, int)] * 3, []
    axes = zip(io_orientation(case.native.affine), covering(box, case), _ratio(case), strict=True)
    for axis, ((to, sign), side, ratio) in enumerate(axes):
        of = 2 - int(to)
        centres = np.arange(side.start, side.stop) + 0.5
        centres = centres if sign > 0 else case.native.shape[axis] - centres
        inside = np.floor(centres / ratio).astype(int) - box.corner[of]
        picked[of] = np.clip(inside, 0, box.size[of] - 1)
        order.append(of)
    return labels[np.ix_(*picked)].transpose(order)


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
    low, high = np.array(corner, float), np.add(corner, size).astype(float)
    start, stop = np.empty(3), np.empty(3)
    for axis, (to, sign) in enumerate(io_orientation(case.native.affine)):
        n, ends = case.native.shape[axis], (low[axis], high[axis])
        start[2 - int(to)], stop[2 - int(to)] = ends if sign > 0 else (n - ends[1], n - ends[0])
    ratio = np.divide(layout(case.native)[0], case.shape)
    first = np.minimum(np.floor(start / ratio + 0.5 + _EXACT), np.array(case.shape) - 1)
    length = np.maximum(np.floor(stop / ratio + 0.5 + _EXACT) - first, 1)
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
    ratio = np.divide(layout(case.native)[0], case.shape)
    low, high = ratio * box.corner, ratio * box.stop
    first, last = np.empty(3), np.empty(3)
    for axis, (to, sign) in enumerate(io_orientation(case.native.affine)):
        n, ends = case.native.shape[axis], (low[2 - int(to)], high[2 - int(to)])
        first[axis], last[axis] = ends if sign > 0 else (n - ends[1], n - ends[0])
    return first, last


def _ratio(case: Case) -> np.ndarray:
    """Voxels of the file in one of the store, along the axes of the file."""
    ratio = np.divide(layout(case.native)[0], case.shape)
    return np.array([ratio[2 - int(to)] for to, _ in io_orientation(case.native.affine)])


def _region(first: np.ndarray, stop: np.ndarray) -> Region:
    x, y, z = (slice(int(a), int(b)) for a, b in zip(first, stop, strict=True))
    return x, y, z


def _three(numbers: np.ndarray) -> Triple:
    z, y, x = (int(number) for number in numbers)
    return z, y, x
