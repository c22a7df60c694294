"""Queries as the `loop_XXX.json` of nnActive, in the format that `readers.loops` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from queryloop.boxes.box import Box
from queryloop.errors import OptionsError
from queryloop.exchange.writing import ENDING, whole_folder
from queryloop.readers.loops import loop_name
from queryloop.readers.volumes import Case
from queryloop.tasks.segmentation.rows import boxes_of
from queryloop.tasks.segmentation.space import nearest, warn_of_moved


def write_loops(folder: Path, cases: Mapping[str, Case], asked: pd.DataFrame) -> None:
    """A file for each cycle of `asked`: sample_id, cycle, rank and the columns of boxes.

    In a data set that was resampled, edges move to the nearest ones of the file's voxels, and a warning
    says so. Raises OptionsError where the folder holds something, or nothing was asked for.
    """
    if asked.empty:
        raise OptionsError("no box was asked for yet: there is nothing to write.")
    warn_of_moved([cases[case] for case in sorted({box.case for box in boxes_of(asked)})])
    with whole_folder(folder) as place:
        for cycle, rows in asked.sort_values("rank").groupby("cycle"):
            patches = [_patch(box, cases[box.case]) for box in boxes_of(rows)]
            (place / loop_name(int(cycle) - 1)).write_text(json.dumps({"patches": patches}, indent=1))


def _patch(box: Box, case: Case) -> dict[str, object]:
    region = nearest(box, case)[::-1]
    coords, size = [side.start for side in region], [side.stop - side.start for side in region]
    return {"file": box.case + ENDING, "coords": coords, "size": size}
