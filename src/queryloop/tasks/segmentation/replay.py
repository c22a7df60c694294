"""Boxes that loop files of nnActive say in place of a sampler and a strategy."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from queryloop import samples as tables
from queryloop.boxes.box import Box
from queryloop.boxes.kinds import BoxStrategy
from queryloop.errors import BrokenFileError, OptionsError, StateError, examples
from queryloop.options import ExperimentOptions
from queryloop.readers.loops import Patch, digest, loop_files, read_loop
from queryloop.readers.volumes import Case
from queryloop.tasks.segmentation.rows import boxes_of
from queryloop.tasks.segmentation.space import from_file, warn_of_moved
from queryloop.tasks.task import Data

_DO_NOT_COUNT = "start.size, start.sampler and start.all_classes"


def recorded(options: ExperimentOptions, strategy: BoxStrategy) -> dict[str, str]:
    """What loop files hold, in place of where they lie; empty where there are none.

    Raises OptionsError where a replay has no loops, or fewer than cycles, and as `loop_files` does.
    """
    if options.query.loops is None:
        if "loops" in strategy.needs:
            raise OptionsError(
                f"`{strategy.name}` asks for the boxes of nnActive's loop files: add query.loops:FOLDER, "
                "where loop_000.json, loop_001.json, ... lie."
            )
        return {}
    folder = options.query.loops
    n_loops = len(loop_files(folder))
    if "loops" in strategy.needs and options.n_cycles > n_loops:
        raise OptionsError(
            f"n_cycles is {options.n_cycles}, but {folder} holds {n_loops} loops, one for each cycle: "
            f"n_cycles:{n_loops} or fewer."
        )
    return {"loops": digest(folder)}


def sentence(folder: str, strategy: BoxStrategy) -> str:
    """Which boxes come from the files, and which parameters are not looked at."""
    first, *later = [len(read_loop(path)) for path in loop_files(folder)]
    if "loops" not in strategy.needs:
        return f"The starting set is loop_000.json of {folder}, {first} boxes: {_DO_NOT_COUNT} do not count."
    then = f", then {examples(later)}" if later else ""
    return (
        f"The boxes are those of {folder}, {first} at the start{then}: query.size, {_DO_NOT_COUNT} "
        "do not count."
    )


def start(folder: str, data: Data) -> list[Box]:
    """Loop 0. Raises OptionsError where a loop has a box in a scan that is not for training."""
    loops = read_loops(folder, data.inputs.cases)
    used = {box.case for box in chain(*loops)}
    held_out = sorted(used.difference(tables.ids_in(data.splits, "train")))
    if held_out:
        raise OptionsError(
            f"{folder}: {len(held_out)} of {len(used)} scans with boxes are held out here: "
            f"{examples(held_out)}. Hold out what was held out where the loops were made: give the same seed "
            "and data.test, or a data set that says which scans the test set are."
        )
    warn_of_moved([data.inputs.cases[case] for case in sorted(used)])
    return loops[0]


def following(folder: str, cases: Mapping[str, Case], labeled: pd.DataFrame) -> list[Box]:
    """The loop that comes next, empty after the last. Raises StateError where `labeled` is of other loops."""
    loops, n_done = read_loops(folder, cases), tables.next_cycle(labeled) - 1
    if sorted(chain(*loops[:n_done])) != sorted(boxes_of(labeled)):
        raise StateError(
            f"{folder}: the first {n_done} loops are not what the experiment has labelled: put the files "
            "back with which it was begun, or give another name, such as --params=experiment:second."
        )
    return loops[n_done] if n_done < len(loops) else []


def read_loops(folder: str | Path, cases: Mapping[str, Case]) -> list[list[Box]]:
    """The boxes of each loop, in the order of the files.

    Raises as `loop_files` and `read_loop` do, BrokenFileError for a case that the data set does not have, a
    box outside of its case, and one that overlaps an earlier one; OptionsError where two overlap only in the
    grid of the store.
    """
    taken: dict[str, list[_Placed]] = {}
    loops: list[list[Box]] = []
    for path in loop_files(folder):
        loops.append([])
        for rank, patch in enumerate(read_loop(path), start=1):
            filed = _filed(path, rank, patch, cases)
            case, earlier = cases[filed.case], taken.setdefault(filed.case, [])
            box = from_file(case, filed.corner[::-1], filed.size[::-1])
            earlier.append(_Placed(path, rank, filed, box))
            _refuse_overlap(earlier, case)
            loops[-1].append(box)
    return loops


class _Placed(NamedTuple):
    """A patch of a loop, in voxels of its file, slowest axis first, and in those of the store."""

    path: Path
    rank: int
    filed: Box
    box: Box


def _refuse_overlap(placed: list[_Placed], case: Case) -> None:
    """Of the last one with any before it."""
    *earlier, new = placed
    one = f"{new.path}: patch {new.rank} ({new.filed.id})"
    for old in earlier:
        other = f"patch {old.rank} of {old.path.name} ({old.filed.id})"
        if new.filed.overlaps(old.filed):
            raise BrokenFileError(
                f"{one} overlaps {other}, but no voxel is asked for twice: remove one of them."
            )
        if new.box.overlaps(old.box):
            spacing = "+".join(f"{step:.3g}" for step in case.spacing)
            raise OptionsError(
                f"{one} and {other} share no voxel of the file, but one of the {spacing} mm to which the "
                "scan is resampled: give a finer data.spacing."
            )


def _filed(path: Path, rank: int, patch: Patch, cases: Mapping[str, Case]) -> Box:
    if patch.case_id not in cases:
        raise BrokenFileError(
            f"{path}: patch {rank} is in {patch.file!r}, but the data set has no case {patch.case_id!r}, "
            f"only {examples(sorted(cases))}: read the data set that the loops were made for."
        )
    case = cases[patch.case_id]
    shape = case.native.shape[::-1]
    size = shape if patch.size == "whole" else patch.size
    ends = [first + length for first, length in zip(patch.coords, size, strict=True)]
    if min(patch.coords) < 0 or min(size) < 1 or any(e > n for e, n in zip(ends, shape, strict=True)):
        raise BrokenFileError(
            f"{path}: patch {rank} begins at {patch.coords} with size {size}, outside of {patch.file}, which "
            f"has {shape} voxels: the loops were made for scans of another spacing, read those."
        )
    return Box(patch.case_id, patch.coords, size)
