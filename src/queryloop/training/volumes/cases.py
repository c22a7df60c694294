"""Volumes as training and prediction get them, and where patches of them lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from queryloop.voxels import IGNORE, Triple


@dataclass(frozen=True)
class LabelledPart:
    """Labels of a box in a case: its lowest voxel, and (dz, dy, dx) uint8, IGNORE where unknown."""

    corner: Triple
    labels: np.ndarray


@dataclass(frozen=True)
class Annotated:
    """A case of which parts are labelled.

    image: (C, Z, Y, X) float32, normalised; may be a memory map, of which only patches are read.
    """

    image: np.ndarray
    parts: Sequence[LabelledPart]


def classes_in(case: Annotated) -> set[int]:
    """The classes that some voxel is labelled with; empty where none is."""
    return {int(c) for part in case.parts for c in np.unique(part.labels)} - {IGNORE}


def window(corner: Sequence[int], size: Triple, shape: Sequence[int]) -> Triple:
    """The first voxel of a window of this size in a case of this shape, from the one that is wanted.

    It is moved as far as it must be to lie inside; an axis of the case that is shorter lies in its middle.
    """
    axes = zip(corner, size, shape, strict=True)
    z, y, x = (min(max(c, 0), n - k) if k <= n else -((k - n) // 2) for c, k, n in axes)
    return z, y, x


def patch(image: np.ndarray, corner: Sequence[int], size: Triple) -> np.ndarray:
    """A copy (C, *size) of the image (C, Z, Y, X) from this voxel on, 0 outside of it."""
    cut = np.zeros((len(image), *size), dtype=np.float32)
    _paste(cut, image, [-c for c in corner])
    return cut


def known(parts: Sequence[LabelledPart], corner: Sequence[int], size: Triple) -> np.ndarray:
    """The labels (*size) uint8 that the parts give to this patch, IGNORE elsewhere."""
    labels = np.full((1, *size), IGNORE, dtype=np.uint8)
    for part in parts:
        _paste(labels, part.labels[None], np.subtract(part.corner, corner).tolist(), over=True)
    return labels[0]


def _paste(target: np.ndarray, source: np.ndarray, offset: Sequence[int], *, over: bool = False) -> None:
    """Copy what of the source lies in the target; offset: of the source's first voxel in it.

    over: unknown labels leave what is there.
    """
    into, out_of = [slice(None)], [slice(None)]
    for start, whole, length in zip(offset, target.shape[1:], source.shape[1:], strict=True):
        low, high = max(start, 0), min(start + length, whole)
        into.append(slice(low, max(low, high)))
        out_of.append(slice(low - start, max(low, high) - start))
    cut = source[tuple(out_of)]
    place = target[tuple(into)]
    np.copyto(place, cut, where=cut != IGNORE if over else True)
