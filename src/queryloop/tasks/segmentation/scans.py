"""What a task sees of stored scans, and of the labels that people drew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from queryloop.readers.volumes import Case


class Scans(Protocol):
    """The cases of a data set in the grid of the store, as `storage.volumes.Volumes` has them."""

    cases: Mapping[str, Case]
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    n_voxels: Mapping[str, Sequence[int]]

    def image(self, case_id: str) -> np.ndarray:
        """(C, Z, Y, X) float32, normalised."""

    def labels(self, case_id: str) -> np.ndarray:
        """(Z, Y, X) uint8, IGNORE where not labelled."""

    def free_labels(self, case_id: str) -> np.ndarray | None:
        """Labels that cost nothing, (Z, Y, X) uint8, IGNORE elsewhere, where the case has some."""

    def native_labels(self, case_id: str) -> np.ndarray:
        """The labels as the file has them."""

    def to_native(self, labels: np.ndarray, case_id: str) -> np.ndarray:
        """Labels of the store's grid in that of the file."""


class Masks(Protocol):
    """Labels of boxes by their key, as `storage.masks.Masks` has them."""

    def __getitem__(self, key: str) -> np.ndarray:
        """uint8 of the box's size, IGNORE where nobody labelled."""
