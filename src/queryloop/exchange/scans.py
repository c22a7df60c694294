"""What the files are made of: scans as the store has them, and tables of boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box
from queryloop.readers.volumes import Case

COLUMNS = ["z", "y", "x", "dz", "dy", "dx"]
"""Corner and size of a box, in voxels of the store's grid."""


class Scans(Protocol):
    """The cases of a data set, as `storage.volumes.Volumes` has them."""

    cases: dict[str, Case]
    classes: tuple[str, ...]
    channels: tuple[str, ...]

    def image(self, case_id: str) -> np.ndarray:
        """(C, Z, Y, X) float32, normalised."""

    def labels(self, case_id: str) -> np.ndarray:
        """(Z, Y, X) uint8, IGNORE where nobody labelled."""

    def free_labels(self, case_id: str) -> np.ndarray | None:
        """Labels that cost nothing, (Z, Y, X) uint8, IGNORE elsewhere, where the case has some."""


Labels = Mapping[Box, np.ndarray]
"""Of each box, uint8 of its size, IGNORE where nobody labelled."""


def has_boxes(table: pd.DataFrame) -> bool:
    """Whether a table is one of boxes."""
    return set(COLUMNS) <= set(table.columns)


def boxes_of(table: pd.DataFrame) -> list[Box]:
    """The boxes of a table, row by row."""
    cases = (sample_id.rpartition("@")[0] for sample_id in table["sample_id"])
    rows = table[COLUMNS].to_numpy().tolist()
    return [Box(case, tuple(row[:3]), tuple(row[3:])) for case, row in zip(cases, rows, strict=True)]


def by_case(boxes: Iterable[Box]) -> dict[str, list[Box]]:
    """Boxes by the case they lie in, both in the order in which they come."""
    found: dict[str, list[Box]] = {}
    for box in boxes:
        found.setdefault(box.case, []).append(box)
    return found


def not_labelled(classes: tuple[str, ...]) -> int:
    """The label in files of voxels that nobody labelled, as nnU-Net has it: the one after the last class."""
    return len(classes)
