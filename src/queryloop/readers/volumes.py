"""What a reader of 3D scans returns: their cases, and image and labels of one case at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from queryloop.voxels import TRUTH, Triple

Millimetres = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class FileGrid:
    """The voxels of a file in space. shape: (x, y, z). affine: (4, 4), voxel to millimetres, RAS."""

    shape: Triple
    affine: np.ndarray


@dataclass(frozen=True, eq=False)
class Case:
    """One scan: its grid in the store, and that of its file.

    shape, spacing: (z, y, x), in voxels and millimetres; axes run as closely as the voxels of the file
    allow to the superior, anterior and right. native: the grid of the file.
    """

    sample_id: str
    shape: Triple
    spacing: Millimetres
    native: FileGrid


@dataclass(frozen=True, eq=False)
class Volume:
    """A case in the grid of the store.

    image: (C, Z, Y, X) float32, normalised. labels: (Z, Y, X) uint8, 0 the background, or IGNORE.
    free: labels that cost nothing, IGNORE elsewhere. native_labels: the labels as the file has them, in
    its own grid (x, y, z); none where the way back from `labels` is exact.
    """

    case: Case
    image: np.ndarray
    labels: np.ndarray
    free: np.ndarray | None = None
    native_labels: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class VolumeSet:
    """A data set of 3D scans as read.

    classes: names by label, the background first. channels: names of what was measured.
    volumes: each call iterates anew over the cases, in their order; iterating raises BrokenFileError,
    naming all cases that cannot be read. unlabelled: ids of those that nobody has labelled.
    test: ids of those that the source says to test on.
    """

    cases: list[Case]
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    volumes: Callable[[], Iterator[Volume]]
    unlabelled: Sequence[str] = ()
    test: Sequence[str] = ()

    @property
    def samples(self) -> pd.DataFrame:
        """One row a case: sample_id, label (the key of its labels in the store, or none), split.

        Where some cases have no labels, those are to train on, and the others to test on.
        """
        ids = pd.Series([case.sample_id for case in self.cases], dtype="str")
        is_known = ~ids.isin(self.unlabelled)
        label = pd.Series(TRUTH, ids.index, dtype="str").where(is_known)
        is_test = ids.isin(self.test) | (is_known & (len(self.unlabelled) > 0))
        split = np.where(is_test, "test", "train")
        return pd.DataFrame({"sample_id": ids, "label": label, "split": split.astype(str)})
