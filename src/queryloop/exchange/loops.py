"""nnActive's `loop_XXX.json`: the boxes that each loop added; loop 0 is the starting set, our cycle 1.

Coordinates are lowest voxels and lengths in the grid of the file, in the order of the axes that
SimpleITK's arrays have: the axes of the file backwards, in whichever directions they run. Source:
nnActive (Lüth et al. 2025).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, Field, ValidationError

from queryloop.boxes.box import Box
from queryloop.errors import BrokenFileError, MissingFilesError, OptionsError, examples
from queryloop.exchange.space import from_file, nearest
from queryloop.exchange.writing import ENDING, whole_folder
from queryloop.readers.content import contents
from queryloop.readers.grid import is_resampled
from queryloop.readers.volumes import Case
from queryloop.samples import BOX
from queryloop.tasks.segmentation.rows import boxes_of
from queryloop.voxels import Triple

logger = logging.getLogger(__name__)

_NAME = re.compile(r"loop_(\d{3,})\.json")


class _Patch(BaseModel):
    file: str
    coords: Triple = (0, 0, 0)
    size: Triple | Literal["whole"]


class _Loop(BaseModel):
    patches: list[_Patch] = Field(min_length=1)


def write_loops(folder: Path, cases: Mapping[str, Case], asked: pd.DataFrame, ending: str = ENDING) -> None:
    """A file for each cycle of `asked`: sample_id, cycle, rank and the columns of boxes.

    In a data set that was resampled, edges move to the nearest ones of the file's voxels, and a warning
    says so. Raises OptionsError where the folder holds something, or nothing was asked for.
    """
    if asked.empty:
        raise OptionsError("no box was asked for yet: there is nothing to write.")
    _warn_of_resampled(cases, {box.case for box in boxes_of(asked)})
    with whole_folder(folder) as place:
        for cycle, rows in asked.sort_values("rank").groupby("cycle"):
            patches = [_patch(box, cases[box.case], ending) for box in boxes_of(rows)]
            name = f"loop_{int(cycle) - 1:03d}.json"
            (place / name).write_text(json.dumps({"patches": patches}, indent=1))


def read_loops(folder: Path, cases: Mapping[str, Case]) -> pd.DataFrame:
    """The boxes of all loops: sample_id, cycle, rank and the columns of boxes, in the order of the files.

    Raises MissingFilesError where there are no loops, BrokenFileError for a number left out, a file that
    is none, a case that the data set does not have, a box outside of its case, and one asked for twice.
    """
    found: dict[str, Path] = {}
    rows = []
    for cycle, path in enumerate(_paths(folder), start=1):
        for rank, patch in enumerate(_read(path), start=1):
            box = _box(path, rank, patch, cases)
            if box.id in found:
                raise BrokenFileError(f"{path}: patch {rank} ({box.id}) is in {found[box.id].name} already.")
            found[box.id] = path
            rows.append((box.id, cycle, rank, *box.corner, *box.size))
    _warn_of_resampled(cases, {str(row[0]).rpartition("@")[0] for row in rows})
    return pd.DataFrame(rows, columns=["sample_id", "cycle", "rank", *BOX])


def replayed(loops: pd.DataFrame, labeled: Collection[str]) -> pd.DataFrame:
    """What comes next where exactly `loops` is to be asked for: what is left of its first cycle.

    labeled: ids of labelled boxes. Empty once all are.
    """
    left = loops[~loops["sample_id"].isin(labeled)]
    return left[left["cycle"] == left["cycle"].min()].reset_index(drop=True)


def _paths(folder: Path) -> list[Path]:
    """The files of the loops 0, 1, ..., none left out."""
    numbers = {
        int(name[1]): path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if (name := _NAME.fullmatch(path.name))
    }
    if not numbers:
        raise MissingFilesError(f"{folder}: there is no loop_000.json, loop_001.json, ... of nnActive.")
    lost = [f"loop_{number:03d}.json" for number in range(max(numbers)) if number not in numbers]
    if lost:
        raise BrokenFileError(
            f"{folder}: {examples(lost)} {'is' if len(lost) == 1 else 'are'} missing: each loop holds only "
            "what it added, so that all are needed."
        )
    return [numbers[number] for number in sorted(numbers)]


def _read(path: Path) -> list[_Patch]:
    try:
        return _Loop.model_validate_json(contents(path)).patches
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        where = ".".join(map(str, wrong["loc"])) or "the file"
        raise BrokenFileError(f"{path}: {where}: {wrong['msg']}.") from None


def _box(path: Path, rank: int, patch: _Patch, cases: Mapping[str, Case]) -> Box:
    case_id = re.sub(r"\.nii(\.gz)?$", "", patch.file)
    if case_id not in cases:
        raise BrokenFileError(
            f"{path}: patch {rank} is in {patch.file!r}, but the data set has no case {case_id!r}, only "
            f"{examples(sorted(cases))}: read the data set that the loops were made for."
        )
    case = cases[case_id]
    shape = case.native.shape[::-1]
    size = shape if patch.size == "whole" else patch.size
    ends = [first + length for first, length in zip(patch.coords, size, strict=True)]
    if min(patch.coords) < 0 or min(size) < 1 or any(e > n for e, n in zip(ends, shape, strict=True)):
        raise BrokenFileError(
            f"{path}: patch {rank} begins at {patch.coords} with size {size}, outside of {patch.file}, which "
            f"has {shape} voxels: the loops were made for scans of another spacing, read those."
        )
    return from_file(case, patch.coords[::-1], size[::-1])


def _patch(box: Box, case: Case, ending: str) -> dict[str, object]:
    region = nearest(box, case)[::-1]
    coords, size = [side.start for side in region], [side.stop - side.start for side in region]
    return {"file": box.case + ending, "coords": coords, "size": size}


def _warn_of_resampled(cases: Mapping[str, Case], used: Collection[str]) -> None:
    resampled = sorted(case_id for case_id in used if is_resampled(cases[case_id]))
    if resampled:
        logger.warning(
            "%d cases were resampled (%s): boxes of loop files move to the nearest voxels. Read the scans "
            "that nnActive resampled itself to keep every voxel.",
            len(resampled),
            examples(resampled),
        )
