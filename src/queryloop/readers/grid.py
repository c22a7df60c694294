"""From the grid of a file to that of the store and back: order of the axes, and another spacing.

Axes are turned and swapped towards RAS, never rotated: an oblique scan keeps its voxels, as it does in
nnU-Net and MONAI, and its affine says where they lie. Another spacing keeps the extent of the scan, so
that the voxels of both grids begin and end at the same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

import numpy as np
from nibabel.affines import obliquity, voxel_sizes
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation, ornt_transform
from scipy import ndimage

from queryloop.errors import InputError
from queryloop.readers.volumes import Case, FileGrid, Millimetres
from queryloop.voxels import Triple

Sides = tuple[slice, ...]

_RAS = np.array([[0, 1], [1, 1], [2, 1]])


def layout(grid: FileGrid) -> tuple[Triple, Millimetres]:
    """Shape and spacing of a grid whose axes run towards RAS, both (z, y, x)."""
    order = np.argsort(io_orientation(grid.affine)[:, 0])[::-1]
    sizes = voxel_sizes(grid.affine)
    shape = tuple(int(grid.shape[axis]) for axis in order)
    return shape, tuple(float(sizes[axis]) for axis in order)  # type: ignore[return-value]


def median_spacing(grids: Sequence[FileGrid]) -> Millimetres:
    """The median of the spacings, axis by axis, (z, y, x)."""
    return tuple(np.median([layout(grid)[1] for grid in grids], axis=0).tolist())


def placed(sample_id: str, native: FileGrid, target: Millimetres) -> Case:
    """A case with the shape that comes closest to the target spacing (z, y, x) in the extent it has."""
    shape, spacing = layout(native)
    extent = [n * mm for n, mm in zip(shape, spacing, strict=True)]
    new = tuple(max(1, round(whole / mm)) for whole, mm in zip(extent, target, strict=True))
    return Case(
        sample_id,
        shape=new,  # type: ignore[arg-type]
        spacing=tuple(whole / n for whole, n in zip(extent, new, strict=True)),  # type: ignore[arg-type]
        native=native,
    )


def affine(case: Case) -> np.ndarray:
    """(4, 4), from a voxel (x, y, z) of the store's grid to millimetres, RAS."""
    ratio = np.divide(layout(case.native)[0], case.shape)[::-1]
    resized = np.diag([*ratio, 1.0])
    resized[:3, 3] = ratio / 2 - 0.5
    turned = inv_ornt_aff(io_orientation(case.native.affine), case.native.shape)
    return case.native.affine @ turned @ resized


def is_oblique(grid: FileGrid) -> bool:
    """Whether an axis of the voxels is more than half a degree off the patient's."""
    return bool(np.rad2deg(obliquity(grid.affine)).max() > 0.5)


def is_resampled(case: Case) -> bool:
    """Whether the store has other voxels than the file."""
    return case.shape != layout(case.native)[0]


def image_to_store(image: np.ndarray, case: Case) -> np.ndarray:
    """One channel, (x, y, z) in the file, to (Z, Y, X) in the store, by linear interpolation.

    Linear, because cubic splines overshoot at the edge of bone or metal, need float64 copies of the whole
    volume and take ten times as long.
    """
    return _resized(_turned(image, case.native), case.shape)


def labels_to_store(labels: np.ndarray, case: Case) -> np.ndarray:
    """(x, y, z) in the file to uint8 (Z, Y, X) in the store: the likeliest label of each voxel."""
    return _resized_labels(_turned(labels, case.native), case.shape)


def to_native(labels: np.ndarray, case: Case) -> np.ndarray:
    """Labels of the store's grid, uint8 (Z, Y, X), in the grid of the file, (x, y, z).

    Exact where the case was not resampled; else borders move by less than a voxel of the coarser grid.
    Raises InputError for labels of another shape than the case.
    """
    _check_shape(labels, case)
    return _turned_back(_resized_labels(labels, layout(case.native)[0]), case.native)


def image_to_native(image: np.ndarray, case: Case) -> np.ndarray:
    """One channel (Z, Y, X) in the store to (x, y, z) in the file, by linear interpolation.

    Raises InputError for an image of another shape than the case.
    """
    _check_shape(image, case)
    return _turned_back(_resized(image, layout(case.native)[0]), case.native)


def _check_shape(array: np.ndarray, case: Case) -> None:
    if array.shape != case.shape:
        raise InputError(
            f"case {case.sample_id}: shape {array.shape} (z, y, x) is not that of the case, {case.shape}."
        )


def _turned_back(array: np.ndarray, native: FileGrid) -> np.ndarray:
    back = ornt_transform(_RAS, io_orientation(native.affine))
    return np.ascontiguousarray(apply_orientation(array.T, back))


def _turned(array: np.ndarray, native: FileGrid) -> np.ndarray:
    return np.ascontiguousarray(apply_orientation(array, io_orientation(native.affine)).T)


def _resized(image: np.ndarray, shape: Triple) -> np.ndarray:
    if image.shape == shape:
        return image
    return _interpolated(image, np.divide(image.shape, shape), tuple(slice(0, n) for n in shape))


def _resized_labels(labels: np.ndarray, shape: Triple) -> np.ndarray:
    """The likeliest label at the middle of each new voxel, by linear interpolation of those around it."""
    if labels.shape == shape:
        return labels
    ratio = np.divide(labels.shape, shape)
    found = np.zeros(shape, np.uint8)
    most, rest = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            part = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
            place = tuple(_reached(side, r, n) for side, r, n in zip(box, ratio, shape, strict=True))
            share = _interpolated((labels[part] == number).astype(np.float32), ratio, place, part)
            larger = share > most[place]
            found[place][larger] = number
            most[place][larger] = share[larger]
            rest[place] -= share
    found[rest >= most] = 0
    return found


def _interpolated(old: np.ndarray, ratio: np.ndarray, place: Sides, part: Sides | None = None) -> np.ndarray:
    """The new voxels at `place`, from the old ones, which are all or those at `part`."""
    first = np.array([side.start for side in place])
    origin = 0 if part is None else np.array([side.start for side in part])
    return ndimage.affine_transform(
        old,
        ratio,
        offset=ratio * (first + 0.5) - 0.5 - origin,
        output_shape=tuple(side.stop - side.start for side in place),
        order=1,
        mode="nearest",
    )


def _reached(side: slice, ratio: float, n: int) -> slice:
    """The new voxels, at least one of n, that lie less than an old voxel away from some old ones."""
    first = max(0, floor((side.start - 0.5) / ratio - 0.5))
    return slice(first, max(first + 1, min(n, ceil((side.stop + 0.5) / ratio - 0.5))))
