"""The labels inside of boxes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box
from queryloop.tasks.segmentation.networks import Scans
from queryloop.tasks.segmentation.rows import boxes_of

TRUTH = "truth"
"""The label of a box whose mask is that of the store."""


def masks_of(labeled: pd.DataFrame, scans: Scans) -> dict[Box, np.ndarray]:
    """The class numbers inside of each labelled box, uint8 of its size, IGNORE where nobody labelled."""
    return {box: scans.labels(box.case)[box.slices] for box in boxes_of(labeled)}
