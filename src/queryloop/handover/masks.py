"""Masks of boxes in the files of whole scans that people drew into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box, class_counts
from queryloop.errors import BrokenFileError, MissingFilesError, examples
from queryloop.exchange.answers import Answer
from queryloop.exchange.drawn import read_drawn
from queryloop.exchange.pictures import TABLE
from queryloop.exchange.query import MASKS
from queryloop.handover.asked import Asked
from queryloop.handover.kind import Told
from queryloop.progress import ProgressBar
from queryloop.readers.labels import composed
from queryloop.readers.nifti.description import ENDINGS
from queryloop.readers.table import needed_column, rows
from queryloop.storage.masks import key_of
from queryloop.tasks.segmentation.labels import masks_of
from queryloop.tasks.segmentation.rows import boxes_of, by_case
from queryloop.voxels import IGNORE

_DRAWN = (*ENDINGS, ".nrrd", ".nhdr", ".mha", ".mhd", ".img", ".hdr", ".mgz", ".dcm", ".stl", ".obj")
"""How files end into which viewers save a segmentation."""


def files(given: Path) -> list[Path]:
    """The masks: the file itself, or those of a folder or of masks/ in it.

    Raises MissingFilesError where there are none, and BrokenFileError for other files among them and for what
    looks like a mask beside masks/: somebody may have drawn into it.
    """
    folder = given / MASKS if (given / MASKS).is_dir() else given
    found = [given] if given.is_file() else _shown(folder)
    beside = [path for path in _shown(given) if path.name.endswith(_DRAWN)] if folder != given else []
    other = [path for path in found if not path.name.endswith(ENDINGS)] + beside
    if other:
        raise BrokenFileError(
            f"{examples(other)}: only NIfTI files called like their scan are taken in, from {MASKS}/. Save "
            f"the segmentation as {MASKS}/CASE.nii.gz (in 3D Slicer: Segmentations > Export to files, file "
            "format NIfTI), and move other files away."
        )
    if not found:
        raise MissingFilesError(
            f"{folder} holds no masks (.nii.gz): tell the folder that `kedro al ask` wrote, or one file of "
            f"its {MASKS}/."
        )
    return found


@dataclass(frozen=True)
class Meant:
    """What masks are told of: boxes, those of them that have labels, and other boxes that have some."""

    boxes: pd.DataFrame
    answered: pd.DataFrame
    before: pd.DataFrame


def meant(asked: Asked, given: Path) -> Meant:
    """The boxes that the table beside the masks names: of the open query, or to be corrected of earlier ones.

    Its masks show boxes of later queries as background, so only those it names are read; without a table
    those of the open query are. Raises BrokenFileError where nobody was ever asked for what it names.
    """
    known, labels, (table, listed) = asked.labeled, asked.labels, _listed(given.absolute())
    newest = [labels.get(box, label) for box, label in zip(known["sample_id"], known["label"], strict=True)]
    labeled = known.assign(label=newest)
    if listed is None or asked.query["sample_id"].isin(listed).any():
        return Meant(asked.query, asked.answered, labeled)
    is_listed = labeled["sample_id"].isin(listed)
    if not is_listed.any():
        raise BrokenFileError(
            f"{table} names {examples(listed)}, for none of which this experiment has asked. Nothing was "
            "taken in: tell the folder that `kedro al ask` wrote for it."
        )
    return Meant(labeled[is_listed], labeled[is_listed], labeled[~is_listed])


def _listed(given: Path) -> tuple[Path, list[str] | None]:
    """The table beside the masks and the boxes it names; None where it is not there.

    Raises BrokenFileError for one that cannot be read: masks of another query would pass for the open one's.
    """
    folder = given if given.is_dir() else given.parent
    table = (folder.parent if folder.name == MASKS else folder) / TABLE
    if not table.is_file():
        return table, None
    header, *found = rows(table, may_be_short=True)
    column = needed_column(header, ["sample_id"], "boxes")
    return table, [row.fields[column] for row in found]


def _shown(folder: Path) -> list[Path]:
    """The files of a folder that are not hidden."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in files if path.is_file() and path.name[0] != "."]


def read(catalog: Any, of: Meant, files: Sequence[Path]) -> Told:
    """Masks of the boxes they are told of. Raises BrokenFileError as `read_drawn` does."""
    scans, store = catalog.load("images"), catalog.load("masks")
    before, answered = (masks_of(rows, scans, store) for rows in (of.before, of.answered))
    boxes = by_case(boxes_of(of.boxes))
    found: dict[Box, np.ndarray] = {}
    with ProgressBar("reading masks", len(files)) as bar:
        for case_id, path in _by_case(files, boxes).items():
            earlier = {box: known for box, known in before.items() if box.case == case_id}
            given = {box: known for box, known in answered.items() if box.case == case_id}
            found |= read_drawn(path, scans.cases[case_id], scans.classes, boxes[case_id], earlier, given)
            bar.advance()
    if not found:
        raise BrokenFileError(
            f"{examples(files)}: no box is filled in: draw over the voxels of label {len(scans.classes)} "
            "(not labelled), and clear what is background (label 0)."
        )
    answers = {box.id: Answer(key_of(mask)) for box, mask in found.items()}
    return Told(answers, list(found.values()), _remarks(found, scans.classes))


def _by_case(files: Sequence[Path], boxes: Mapping[str, Sequence[Box]]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    cases = {composed(case_id): case_id for case_id in boxes}
    for path in files:
        name = path.name.removesuffix(".gz").removesuffix(".nii")
        case_id = cases.get(composed(name))
        if case_id is None:
            raise BrokenFileError(
                f"{path}: no box of a scan {name!r} is asked for here, only boxes of "
                f"{examples(sorted(boxes))}. Nothing was taken in: a mask is named like its scan."
            )
        if case_id in found:
            raise BrokenFileError(f"{path}: {found[case_id].name} is of the same scan: leave one of them.")
        found[case_id] = path
    return found


def _remarks(found: Mapping[Box, np.ndarray], classes: Sequence[str]) -> list[str]:
    """What shows mishaps: voxels of each class, those without a label, and boxes that nobody looked at."""
    counts = {box: class_counts(mask) for box, mask in found.items()}
    held = np.sum(list(counts.values()), axis=0)
    told = ", ".join(f"{number} {name} {held[number]}" for number, name in enumerate(classes))
    partly = [f"{box.id} ({n[IGNORE]} of {found[box].size})" for box, n in counts.items() if n[IGNORE]]
    left = [f"{len(partly)} boxes keep voxels without a label: {examples(partly)}."] if partly else []
    empty = [box.id for box, n in counts.items() if not n[1:IGNORE].any()]
    alone = [f"{len(empty)} boxes hold background alone: {examples(empty)}. Is that so?"] if empty else []
    return [f"Voxels of the boxes told: {told}.", *left, *alone]
