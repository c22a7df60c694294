"""Labels of boxes as files of whole scans, and which boxes were asked for when."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pandas as pd

from queryloop.errors import OptionsError
from queryloop.exchange.names import Labels, not_labelled, write_names
from queryloop.exchange.writing import ENDING, save, whole_folder
from queryloop.progress import ProgressBar
from queryloop.readers.grid import to_native
from queryloop.readers.nifti.description import NAME
from queryloop.tasks.segmentation.rows import boxes_of, by_case
from queryloop.tasks.segmentation.scans import Scans
from queryloop.tasks.segmentation.space import nearest
from queryloop.voxels import IGNORE


def write_labels(folder: Path, scans: Scans, labels: Labels, train: Collection[str]) -> None:
    """The labels of some boxes, and those of the cases `train` that cost nothing, as nnU-Net trains on them.

    labelsTr/CASE.nii.gz in the grid of the scan, with the label `ignore` where nobody labelled, and
    dataset.json; nnU-Net's imagesTr/CASE_0000.nii.gz are the scans themselves. Raises OptionsError where
    the folder holds something, or nothing is labelled.
    """
    boxes = by_case(labels)
    free = {case for case in train if scans.free_labels(case) is not None}
    cases = [case for case in scans.cases if case in boxes or case in free]
    if not cases:
        raise OptionsError("nothing is labelled yet: there are no labels to write.")
    with whole_folder(folder) as place:
        for case in cases:
            found = labelled(scans, case, {box: labels[box] for box in boxes.get(case, ())})
            path = place / "labelsTr" / f"{case}{ENDING}"
            save(path, as_saved(found, scans.classes), scans.cases[case].native.affine)
        write_description(place, scans, len(cases))


def labelled(scans: Scans, case_id: str, labels: Labels) -> np.ndarray:
    """All labels of a case in the grid of its file, (x, y, z) uint8, IGNORE where nobody labelled.

    Where a box has labels they count, and those that cost nothing elsewhere, as in training.
    """
    case, free = scans.cases[case_id], scans.free_labels(case_id)
    found = np.full(case.shape, IGNORE, np.uint8) if free is None else np.array(free)
    for box, known in labels.items():
        np.copyto(found[box.slices], known, where=known != IGNORE)
    return to_native(found, case)


def as_saved(labels: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """The labels as files have them: not 255 but the number after the last class where nobody labelled."""
    return np.where(labels == IGNORE, not_labelled(classes), labels).astype(np.uint8)


_BACKGROUND = "background"


def write_description(folder: Path, scans: Scans, n_cases: int) -> None:
    """dataset.json, as nnU-Net reads it, which knows its class 0 by the name alone."""
    named = [f"{name}_1" if name == _BACKGROUND else name for name in scans.classes[1:]]
    labels = {name: number for number, name in enumerate([_BACKGROUND, *named])}
    content = {
        "channel_names": {str(number): name for number, name in enumerate(scans.channels)},
        "labels": {**labels, "ignore": not_labelled(scans.classes)},
        "numTraining": n_cases,
        "file_ending": ENDING,
    }
    (folder / NAME).write_text(json.dumps(content, indent=1))


def write_predicted(folder: Path, scans: Scans, predicted: Callable[[str], np.ndarray]) -> None:
    """Predicted labels of all cases: CASE.nii.gz in the grid of the scan; and names for viewers.

    predicted: from a case to (Z, Y, X) uint8 in the store's grid. Raises OptionsError where the folder holds
    something.
    """
    with whole_folder(folder) as place, ProgressBar("predicting scans", len(scans.cases)) as bar:
        for name, case in scans.cases.items():
            save(place / f"{name}{ENDING}", to_native(predicted(name), case), case.native.affine)
            bar.advance()
        write_names(place, scans.classes)


def write_queried(folder: Path, scans: Scans, asked: pd.DataFrame) -> None:
    """When each voxel was asked for: CASE.nii.gz in the grid of the scan, the number of the cycle, else 0.

    asked: sample_id, cycle and the columns of boxes. Raises OptionsError where the folder holds something,
    or nothing was asked for.
    """
    if asked.empty:
        raise OptionsError("no box was asked for yet: there is nothing to write.")
    cycles = dict(zip(boxes_of(asked), asked["cycle"].tolist(), strict=True))
    with whole_folder(folder) as place:
        for case_id, boxes in by_case(cycles).items():
            native = scans.cases[case_id].native
            found = np.zeros(native.shape, np.uint16)
            for box in boxes:
                found[nearest(box, scans.cases[case_id])] = cycles[box]
            save(place / f"{case_id}{ENDING}", found, native.affine)
