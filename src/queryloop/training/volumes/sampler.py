"""Where training patches are cut: always where there are labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from queryloop.errors import InputError
from queryloop.training.volumes.cases import Annotated, window
from queryloop.voxels import IGNORE, Triple

_KEPT = 2_000
"""Voxels of a class in a part that are remembered; of more, as many are drawn at random."""
_FOREGROUND = 1 / 3
"""Share of the patches that must contain a foreground class, as in nnU-Net."""
_KNOWN = -1
"""Any labelled voxel, as if it were a class."""


class Place(NamedTuple):
    """A patch: the number of its case, and its lowest voxel, which may lie outside."""

    case: int
    corner: Triple


class Sampler:
    """Draws patches around labelled voxels, each part of a case as often as any other.

    cases: with their labelled parts. size: voxels (z, y, x) of a patch. jitter: how far the chosen voxel
    may be from the middle of its patch, in halves of its side, in [0, 1]; a patch stays inside of a case
    that is large enough. Raises InputError where no voxel is labelled.
    """

    def __init__(
        self, cases: Sequence[Annotated], size: Triple, jitter: float, rng: np.random.Generator
    ) -> None:
        self._cases, self._size, self._jitter = cases, size, jitter
        self._voxels = _by_class(cases, rng)
        if _KNOWN not in self._voxels:
            raise InputError(f"none of the {len(cases)} cases has a labelled voxel to train on.")
        self._foreground = sorted(self._voxels.keys() - {_KNOWN, 0})

    def draw(self, rng: np.random.Generator) -> Place:
        """A patch around a foreground voxel in one of three, around any labelled one else."""
        forced = rng.random() < _FOREGROUND and bool(self._foreground)
        parts = self._voxels[self._foreground[rng.integers(len(self._foreground))] if forced else _KNOWN]
        case, voxels = parts[rng.integers(len(parts))]
        return Place(case, self._corner(case, voxels[rng.integers(len(voxels))], rng))

    def _corner(self, case: int, voxel: np.ndarray, rng: np.random.Generator) -> Triple:
        size = np.array(self._size)
        shift = rng.uniform(-self._jitter, self._jitter, 3) * (size - 1) / 2
        wanted = voxel - np.rint((size - 1) / 2 + shift).astype(int)
        return window(wanted.tolist(), self._size, self._cases[case].image.shape[1:])


def _by_class(
    cases: Sequence[Annotated], rng: np.random.Generator
) -> dict[int, list[tuple[int, np.ndarray]]]:
    """Voxels (n, 3) of each class, one entry for each part that has some, with the number of its case."""
    found: dict[int, list[tuple[int, np.ndarray]]] = {}
    for number, case in enumerate(cases):
        for part in case.parts:
            classes = set(np.unique(part.labels).tolist()) - {IGNORE}
            for label in sorted(classes | {_KNOWN} if classes else ()):
                mask = part.labels != IGNORE if label == _KNOWN else part.labels == label
                found.setdefault(label, []).append((number, _some(mask, rng) + part.corner))
    return found


def _some(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    places = np.flatnonzero(mask)
    if len(places) > _KEPT:
        places = rng.choice(places, _KEPT, replace=False)
    return np.stack(np.unravel_index(places, mask.shape), axis=1).astype(np.int32)
