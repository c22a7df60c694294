"""The labels inside of boxes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box
from queryloop.errors import OptionsError, examples
from queryloop.tasks.segmentation.rows import boxes_of
from queryloop.tasks.segmentation.scans import Masks, Scans
from queryloop.training.folds import Fold
from queryloop.training.volumes.cases import Annotated, LabelledPart, classes_in
from queryloop.voxels import IGNORE, TRUTH

logger = logging.getLogger(__name__)


def masks_of(labeled: pd.DataFrame, scans: Scans, masks: Masks) -> dict[Box, np.ndarray]:
    """The class numbers inside of each labelled box, uint8 of its size, IGNORE where nobody labelled."""
    return {
        box: scans.labels(box.case)[box.slices] if key == TRUTH else masks[key]
        for box, key in zip(boxes_of(labeled), labeled["label"], strict=True)
    }


def tell_of_unlabelled(masks: Mapping[Box, np.ndarray]) -> None:
    """Warn of boxes that count as labelled and hold no label: where the files of scans have none."""
    empty = [box.id for box, mask in masks.items() if (mask == IGNORE).all()]
    if empty:
        logger.warning("%d labelled boxes hold no label, and teach nothing: %s.", len(empty), examples(empty))


def annotated(scans: Scans, cases: Sequence[str], labels: Mapping[Box, np.ndarray]) -> dict[str, Annotated]:
    """The cases in which something is labelled, in their order: boxes, and labels that cost nothing."""
    parts: dict[str, list[LabelledPart]] = {case: [] for case in cases}
    for case, found in parts.items():
        free = scans.free_labels(case)
        if free is not None:
            found.append(LabelledPart((0, 0, 0), free))
    for box, known in labels.items():
        parts[box.case].append(LabelledPart(box.corner, known))
    return {case: Annotated(scans.image(case), found) for case, found in parts.items() if found}


def parted(
    cases: Mapping[str, Annotated], fold: Fold | None
) -> tuple[dict[str, Annotated], dict[str, Annotated]]:
    """The cases to learn from, and those of the fold that is left out. Raises as `Fold.of` does."""
    if fold is None:
        return dict(cases), {}
    held = {case: classes for case, content in cases.items() if (classes := classes_in(content))}
    apart = fold.of(held)
    kept = {case: content for case, content in cases.items() if case not in apart}
    return kept, {case: cases[case] for case in apart}


def refuse_unlabelled(scans: Scans, cases: Sequence[str], instead: str) -> None:
    """Raise OptionsError where a choice that reads labels meets scans without any."""
    without = [case for case in cases if not sum(scans.n_voxels[case])]
    if without:
        raise OptionsError(
            f"{len(without)} of {len(cases)} scans of the pool have no labels ({examples(without)}), which "
            f"would be read: add {instead}."
        )
