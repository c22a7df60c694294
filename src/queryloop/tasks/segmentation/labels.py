"""The labels inside of boxes."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box
from queryloop.tasks.segmentation.networks import Scans
from queryloop.tasks.segmentation.rows import boxes_of

TRUTH = "truth"
"""The label of a box whose mask is that of the store."""


class Masks(Protocol):
    """Labels of boxes by their key, as `storage.masks.Masks` has them."""

    def __getitem__(self, key: str) -> np.ndarray:
        """uint8 of the box's size, IGNORE where nobody labelled."""


def masks_of(labeled: pd.DataFrame, scans: Scans, masks: Masks) -> dict[Box, np.ndarray]:
    """The class numbers inside of each labelled box, uint8 of its size, IGNORE where nobody labelled."""
    return {
        box: scans.labels(box.case)[box.slices] if key == TRUTH else masks[key]
        for box, key in zip(boxes_of(labeled), labeled["label"], strict=True)
    }
