"""Queries as nnActive's loops: where its boxes lie by its own convention, and that they come back."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from queryloop.boxes.box import Box
from queryloop.errors import OptionsError
from queryloop.exchange.loops import write_loops
from queryloop.readers.grid import labels_to_store, layout
from queryloop.storage.volumes import Volumes
from queryloop.tasks.segmentation.replay import read_loops

from .made_up import TURNS, scan, table

START = [Box("plain", (0, 0, 0), (4, 5, 6)), Box("turned", (3, 2, 1), (5, 4, 7))]
NEXT = [Box("flipped", (2, 1, 0), (3, 3, 8)), Box("plain", (5, 5, 5), (4, 5, 6))]
ASKED = pd.concat([table(START, 1), table(NEXT, 2)], ignore_index=True)


@pytest.mark.parametrize("case_id", TURNS)
def test_a_patch_is_where_nnactive_looks_for_it(native: Volumes, case_id: str, tmp_path: Path) -> None:
    box = Box(case_id, (2, 3, 4), (5, 6, 7))
    write_loops(tmp_path / "loops", native.cases, table([box]))
    (found,) = json.loads((tmp_path / "loops" / "loop_000.json").read_text())["patches"]
    assert found["file"] == f"{case_id}.nii.gz"
    as_simpleitk_reads = scan(case_id).labels.T  # GetArrayFromImage: the axes of the file backwards
    index = tuple(slice(c, c + s) for c, s in zip(found["coords"], found["size"], strict=True))
    inside = np.zeros(as_simpleitk_reads.shape, np.uint8)
    inside[index] = 1
    stored = labels_to_store(inside.T, native.cases[case_id])
    assert stored[box.slices].all()
    assert stored.sum() == np.prod(box.size)


def test_cycles_come_back(native: Volumes, tmp_path: Path) -> None:
    write_loops(tmp_path / "loops", native.cases, ASKED)
    assert sorted(p.name for p in (tmp_path / "loops").iterdir()) == ["loop_000.json", "loop_001.json"]
    assert read_loops(tmp_path / "loops", native.cases) == [START, NEXT]


def test_boxes_come_back_where_the_store_is_not_finer_and_moves_are_said(
    scans: Volumes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    boxes = [Box(case_id, (1, 1, 1), (3, 4, 4)) for case_id in TURNS]
    with caplog.at_level(logging.WARNING):
        write_loops(tmp_path / "loops", scans.cases, table(boxes))
    (found,) = read_loops(tmp_path / "loops", scans.cases)
    for before, after in zip(boxes, found, strict=True):
        case = scans.cases[before.case]
        is_finer = any(n > m for n, m in zip(case.shape, layout(case.native)[0], strict=True))
        assert before.case == after.case
        assert is_finer or before == after
    assert ("were resampled" in caplog.text) or found == boxes


def test_a_folder_that_holds_something_is_left_alone(native: Volumes, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OptionsError, match="is there already"):
        write_loops(tmp_path, native.cases, ASKED)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_nothing_asked_is_nothing_to_write(native: Volumes, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="no box was asked for yet"):
        write_loops(tmp_path / "loops", native.cases, ASKED[:0])
