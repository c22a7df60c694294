"""The labels inside of boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box
from queryloop.errors import OptionsError, examples
from queryloop.tasks.segmentation.rows import boxes_of
from queryloop.tasks.segmentation.scans import Masks, Scans
from queryloop.voxels import TRUTH


def masks_of(labeled: pd.DataFrame, scans: Scans, masks: Masks) -> dict[Box, np.ndarray]:
    """The class numbers inside of each labelled box, uint8 of its size, IGNORE where nobody labelled."""
    return {
        box: scans.labels(box.case)[box.slices] if key == TRUTH else masks[key]
        for box, key in zip(boxes_of(labeled), labeled["label"], strict=True)
    }


def refuse_unlabelled(scans: Scans, cases: Sequence[str], instead: str) -> None:
    """Raise OptionsError where a choice that reads labels meets scans without any."""
    without = [case for case in cases if not sum(scans.n_voxels[case])]
    if without:
        raise OptionsError(
            f"{len(without)} of {len(cases)} scans of the pool have no labels ({examples(without)}), which "
            f"would be read: add {instead}."
        )
