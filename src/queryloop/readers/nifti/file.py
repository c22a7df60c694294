"""One NIfTI file: where its voxels lie, and what they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path

import nibabel
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.nifti1 import Nifti1Image

from queryloop.errors import BrokenFileError, examples
from queryloop.readers.content import contents, refusing
from queryloop.readers.volumes import FileGrid
from queryloop.voxels import IGNORE

_OBLIQUE = 1e-2  # cosine between two axes of voxels, from which on they are no longer at right angles
_APART = 0.1  # of a voxel, between corners that should be one
_MILLIMETRES = {"meter": 1e3, "micron": 1e-3}
_SPREAD = (1e-18, 1e18)  # between the least and the largest intensity: their squares are float32, too


def grid(path: Path, channels: Sequence[str] = ()) -> FileGrid:
    """Where the voxels of a file lie, in mm, by its header; one that names no unit means mm.

    channels: what a fourth axis holds; none where there must be three axes. Raises BrokenFileError for
    other axes, voxels that are no numbers, and an affine that is no grid.
    """
    header = _opened(path)
    shape = tuple(int(n) for n in header.shape)
    _check_shape(path, shape, channels)
    if header.get_data_dtype().kind not in "iuf":
        raise BrokenFileError(f"{path}: voxels are {header.get_data_dtype()}, expected numbers.")
    if header.affine is None:
        raise BrokenFileError(f"{path}: has no affine.")
    _check_affine(path, header.affine)
    unit = _MILLIMETRES.get(header.header.get_xyzt_units()[0], 1.0)
    return FileGrid(shape[:3], np.diag([unit, unit, unit, 1.0]) @ header.affine)  # type: ignore[arg-type]


def is_placed(path: Path) -> bool:
    """Whether the header says in one way only where the voxels lie: its sform, its qform, or both alike."""
    header = _opened(path)
    with refusing(path, "its header says in a damaged way where the voxels lie (qform or sform): repair it"):
        sform, qform = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
    if sform is None or qform is None:
        return not (sform is None and qform is None)
    x, y, z = header.shape[:3]
    return _distance(FileGrid((x, y, z), sform), FileGrid((x, y, z), qform)) <= _APART


def check_same(path: Path, found: FileGrid, image: Path | str, expected: FileGrid) -> None:
    """Refuse a file whose voxels do not lie where those of its image do. Raises BrokenFileError."""
    remedy = "resample one of them to the grid of the other, or replace the one that is wrong."
    if found.shape != expected.shape:
        raise BrokenFileError(
            f"{path}: has shape {found.shape}, but {image} has {expected.shape} (x, y, z): {remedy}"
        )
    if _distance(found, expected) > _APART:
        affines = f"the affine {_told(found.affine)}, but {image} has {_told(expected.affine)}"
        raise BrokenFileError(f"{path}: has {affines}: {remedy}")


def image(path: Path, channels: Sequence[str]) -> np.ndarray:
    """The intensities, float32 (C, x, y, z). Raises BrokenFileError for what cannot be scaled.

    That is NaN, a constant channel, and one whose intensities are too far apart or too close for float32.
    """
    values = _voxels(path).astype(np.float32, copy=False)
    planes = np.moveaxis(values, 3, 0) if values.ndim == 4 else values[None]
    for name, plane in zip(channels, planes, strict=True):
        wrong = int(plane.size - np.isfinite(plane).sum())
        if wrong:
            raise BrokenFileError(
                f"{path}: {wrong} of {plane.size} voxels of channel {name} are NaN or infinite: replace them "
                "or leave the case out."
            )
        if plane.min() == plane.max():
            raise BrokenFileError(
                f"{path}: all voxels of channel {name} are {plane.flat[0]:g}: there is nothing to see, leave "
                "the case out."
            )
        low, high = float(plane.min()), float(plane.max())
        if not _SPREAD[0] < high - low < _SPREAD[1]:
            raise BrokenFileError(
                f"{path}: the voxels of channel {name} go from {low:g} to {high:g}, which cannot be scaled: "
                "replace values that stand for none, or give the channel another unit."
            )
    return planes


def labels(path: Path, classes: Sequence[str], unlabelled: Sequence[int] = ()) -> np.ndarray:
    """The labels, uint8 (x, y, z), with IGNORE for those that stand for none.

    Raises BrokenFileError for labels that are no whole numbers or no class, with the numbers of voxels.
    """
    values = _voxels(path)
    ignored, known = _any_of(values, unlabelled), _any_of(values, range(len(classes)))
    wrong = ~(known | ignored)
    if wrong.any():
        raise BrokenFileError(_unknown(path, values, wrong, classes, unlabelled))
    return np.where(ignored, IGNORE, values).astype(np.uint8)


def _any_of(values: np.ndarray, numbers: Iterable[int]) -> np.ndarray:
    """Where a value is one of a few numbers; np.isin would copy small integers to ones of 64 bits."""
    found = np.zeros_like(values, bool)
    for number in numbers:
        found |= values == number
    return found


def _opened(path: Path) -> Nifti1Image:
    with refusing(path, "is no NIfTI file, or its header is damaged"):
        opened = nibabel.load(path)
        if not isinstance(opened, Nifti1Image):
            raise BrokenFileError(f"{path}: is {type(opened).__name__}, expected NIfTI.")
        return opened


def _voxels(path: Path) -> np.ndarray:
    """All voxels, scaled as the header says; the whole file is unpacked, so that its checksum is compared."""
    opened, held = _opened(path), contents(path)
    needed = prod(opened.shape) * opened.get_data_dtype().itemsize  # before memory for as much is asked for
    with refusing(path, "is truncated or damaged, copy or download it anew"):
        if needed > len(held):
            raise ValueError(f"its header names {needed:,} bytes of voxels, all of it has {len(held):,}")
        return np.asanyarray(type(opened).from_bytes(held).dataobj)


def _check_shape(path: Path, shape: tuple[int, ...], channels: Sequence[str]) -> None:
    if len(shape) == 4 and channels:
        if shape[3] != len(channels):
            raise BrokenFileError(
                f"{path}: has {shape[3]} channels, but dataset.json names {len(channels)} "
                f"({', '.join(channels)}): correct it, or replace the file."
            )
    elif len(shape) != 3 or len(channels) > 1:
        several = f"4D (x, y, z and {len(channels)} channels): join the channels, or correct dataset.json"
        expected = several if len(channels) > 1 else "3D (x, y, z): keep one volume of it, or leave it out"
        raise BrokenFileError(f"{path}: is {len(shape)}D {shape}, expected {expected}.")
    if 0 in shape:
        raise BrokenFileError(f"{path}: has no voxels {shape}.")


def _check_affine(path: Path, affine: np.ndarray) -> None:
    told = f"{path}: the affine {_told(affine)}"
    if not np.isfinite(affine).all():
        raise BrokenFileError(f"{told} holds NaN or infinity: repair the header.")
    sizes = voxel_sizes(affine)
    if (sizes <= 0).any():
        raise BrokenFileError(f"{told} gives voxels without extent: repair the header.")
    axes = affine[:3, :3] / sizes
    if np.abs(axes.T @ axes - np.eye(3)).max() > _OBLIQUE:
        raise BrokenFileError(
            f"{told} is sheared: its axes are not at right angles, so that it has no spacing. "
            "Resample the scan to a rectangular grid."
        )


def _distance(one: FileGrid, other: FileGrid) -> float:
    """How far the corners of two grids of one shape are apart at most, in the smallest voxel side."""
    corners = np.indices((2, 2, 2)).reshape(3, 8) * (np.array(one.shape) - 1)[:, None]
    apart = (one.affine - other.affine) @ np.vstack([corners, np.ones(8)])
    return float(np.linalg.norm(apart, axis=0).max() / voxel_sizes(other.affine).min())


def _told(affine: np.ndarray) -> str:
    return " ".join("[" + " ".join(f"{value:.6g}" for value in row) + "]" for row in affine[:3])


def first(where: np.ndarray) -> tuple[int, ...]:
    """The first voxel of a mask."""
    return tuple(int(i) for i in np.unravel_index(int(where.argmax()), where.shape))


def _unknown(
    path: Path, voxels: np.ndarray, wrong: np.ndarray, classes: Sequence[str], unlabelled: Sequence[int]
) -> str:
    values = voxels[wrong]
    fractions = values[values != np.floor(values)]
    found, counts = np.unique(fractions if fractions.size else values, return_counts=True)
    told = examples([f"{value:g} ({n} voxels)" for value, n in zip(found, counts, strict=True)])
    what = "labels that are no whole numbers" if fractions.size else "labels that dataset.json does not name"
    names = [f"{number} {name}" for number, name in enumerate(classes)]
    named = ", ".join(names + [f"{number} not labelled" for number in unlabelled])
    return (
        f"{path}: has {what}: {told}, the first at {first(wrong)} (x, y, z); known are {named}. Correct the "
        "file, or dataset.json."
    )
