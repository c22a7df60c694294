"""nnActive's loops: where its boxes lie by its own convention, and that they come back."""

from __future__ import annotations

import json
import logging
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from queryloop.boxes.box import Box
from queryloop.errors import BrokenFileError, MissingFilesError, OptionsError
from queryloop.exchange.loops import read_loops, replayed, write_loops
from queryloop.readers.grid import labels_to_store
from queryloop.storage.volumes import Volumes
from queryloop.tasks.segmentation.rows import boxes_of

from .made_up import TURNS, scan, table

START = [Box("plain", (0, 0, 0), (4, 5, 6)), Box("turned", (3, 2, 1), (5, 4, 7))]
NEXT = [Box("flipped", (2, 1, 0), (3, 3, 8)), Box("plain", (5, 5, 5), (4, 5, 6))]
ASKED = pd.concat([table(START, 1), table(NEXT, 2)], ignore_index=True)


def write(folder: Path, *loops: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for number, patches in enumerate(loops):
        (folder / f"loop_{number:03d}.json").write_text(json.dumps({"patches": patches}))
    return folder


def patch(file: str = "plain.nii.gz", coords: Any = (0, 0, 0), size: Any = (2, 2, 2)) -> dict[str, Any]:
    return {"file": file, "coords": list(coords), "size": size}


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
    found = read_loops(tmp_path / "loops", native.cases)
    pd.testing.assert_frame_equal(found, ASKED.drop(columns="score"))


def test_resampled_boxes_come_near_and_it_is_said(
    scans: Volumes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        boxes = [Box(case_id, (1, 1, 1), (3, 4, 4)) for case_id in TURNS]
        write_loops(tmp_path / "loops", scans.cases, table(boxes))
        found = boxes_of(read_loops(tmp_path / "loops", scans.cases))
    moved = found != boxes
    assert ("were resampled" in caplog.text) or not moved
    assert [box.case for box in found] == list(TURNS)


def test_a_whole_scan_is_one_patch(native: Volumes, tmp_path: Path) -> None:
    folder = write(tmp_path / "loops", [patch("turned.nii.gz", size="whole")])
    assert boxes_of(read_loops(folder, native.cases)) == [
        Box("turned", (0, 0, 0), native.cases["turned"].shape)
    ]


def test_a_replay_asks_for_exactly_these_boxes(native: Volumes, tmp_path: Path) -> None:
    write_loops(tmp_path / "loops", native.cases, ASKED)
    loops = read_loops(tmp_path / "loops", native.cases)
    labeled: list[str] = []
    asked = []
    while len(left := replayed(loops, labeled)):
        asked.append(boxes_of(left))
        labeled += left["sample_id"].tolist()
    assert asked == [START, NEXT]
    assert boxes_of(replayed(loops, [START[0].id])) == START[1:]


def test_a_folder_that_holds_something_is_left_alone(native: Volumes, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OptionsError, match="is there already"):
        write_loops(tmp_path, native.cases, ASKED)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_nothing_asked_is_nothing_to_write(native: Volumes, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="no box was asked for yet"):
        write_loops(tmp_path / "loops", native.cases, ASKED[:0])


@pytest.mark.parametrize(
    ("loop", "said"),
    [
        ([patch("other.nii.gz")], ["patch 1", "no case 'other'", "plain"]),
        ([patch(), patch(coords=(11, 0, 0))], ["patch 2", "outside of plain.nii.gz", r"\(12, 14, 16\)"]),
        ([patch(coords=(-1, 0, 0))], ["patch 1", "outside"]),
        ([patch(size=[0, 1, 1])], ["patch 1", "outside"]),
        ([patch(), patch()], ["patch 2", "plain@0,0,0", "loop_000.json"]),
        ([patch(size="half")], ["patches.0.size"]),
        ([{"coords": [0, 0, 0], "size": [1, 1, 1]}], ["patches.0.file", "required"]),
        ([], ["patches"]),
    ],
)
def test_what_is_wrong_in_a_loop_is_named(
    native: Volumes, tmp_path: Path, loop: Any, said: list[str]
) -> None:
    folder = write(tmp_path / "loops", loop)
    for fragment in ("loop_000.json", *said):
        with pytest.raises(BrokenFileError, match=fragment):
            read_loops(folder, native.cases)


def test_loops_that_are_not_there_are_named(native: Volumes, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(MissingFilesError, match=r"loop_000\.json"):
            read_loops(folder, native.cases)
    write(tmp_path, *([patch(coords=(n, 0, 0))] for n in range(4)))
    (tmp_path / "loop_002.json").unlink()
    with pytest.raises(BrokenFileError, match=r"loop_002\.json is missing"):
        read_loops(tmp_path, native.cases)
    (tmp_path / "loop_000.json").write_text("{")
    (tmp_path / "loop_002.json").write_text("{}")
    with pytest.raises(BrokenFileError, match=r"loop_000\.json: the file"):
        read_loops(tmp_path, native.cases)


def test_patches_of_later_loops_are_compared_too(native: Volumes, tmp_path: Path) -> None:
    folder = write(tmp_path, [patch()], [patch(size=[3, 3, 3])])
    assert len(list(chain(folder.iterdir()))) == 2
    with pytest.raises(
        BrokenFileError, match=r"loop_001\.json: patch 1 \(plain@0,0,0\) is in loop_000\.json"
    ):
        read_loops(folder, native.cases)
