"""What the labelled boxes hold, beside all that there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box, class_counts
from queryloop.statistics.annotation import annotated
from queryloop.tasks.segmentation.scans import Scans


def effort(masks: Mapping[Box, np.ndarray], scans: Scans, cases: Sequence[str]) -> dict[str, float]:
    """Boxes, scans, voxels and foreground voxels with labels, and their shares of the training scans."""
    n_classes = len(scans.classes)
    counts = np.stack([class_counts(mask)[:n_classes] for mask in masks.values()])
    boxes = pd.DataFrame({"cycle": 0, "case": [box.case for box in masks]})
    whole = np.array([scans.n_voxels[case] for case in cases])
    return annotated(boxes, counts, whole).drop(columns="cycle").iloc[0].to_dict()
