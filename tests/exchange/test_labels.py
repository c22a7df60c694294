"""Labels of boxes as nnU-Net reads them, and when which voxel was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest

from queryloop.boxes.box import Box
from queryloop.errors import OptionsError
from queryloop.exchange.labels import write_description, write_labels, write_queried
from queryloop.readers.nifti import file
from queryloop.readers.nifti.description import described
from queryloop.storage.volumes import Volumes
from queryloop.tasks.segmentation.space import covering
from queryloop.voxels import IGNORE

from .made_up import CLASSES, grid, scan, table

BOXES = [
    Box("plain", (0, 0, 0), (4, 5, 6)),
    Box("turned", (3, 2, 1), (4, 4, 7)),
    Box("turned", (0, 8, 2), (3, 3, 3)),
]


def truth(scans: Volumes, boxes: list[Box]) -> dict[Box, np.ndarray]:
    return {box: scans.labels(box.case)[box.slices] for box in boxes}


def test_labels_are_in_the_boxes_and_ignored_elsewhere(native: Volumes, tmp_path: Path) -> None:
    write_labels(tmp_path / "out", native, truth(native, BOXES), [])
    assert sorted(p.name for p in (tmp_path / "out" / "labelsTr").iterdir()) == [
        "plain.nii.gz",
        "turned.nii.gz",
    ]
    for case_id in ("plain", "turned"):
        written = nibabel.load(tmp_path / "out" / "labelsTr" / f"{case_id}.nii.gz")
        np.testing.assert_allclose(written.affine, grid(case_id).affine, atol=1e-5)
        np.testing.assert_allclose(written.header.get_qform(), grid(case_id).affine, atol=1e-5)
        expected = np.full(written.shape, len(CLASSES))
        for box in BOXES:
            if box.case == case_id:
                region = covering(box, native.cases[case_id])
                expected[region] = scan(case_id).labels[region]
        np.testing.assert_array_equal(np.asanyarray(written.dataobj), expected)


def test_the_description_is_one_that_nnu_net_reads(native: Volumes, tmp_path: Path) -> None:
    write_labels(tmp_path / "out", native, truth(native, BOXES), [])
    written = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert written["labels"] == {"background": 0, "front": 1, "back": 2, "ignore": 3}
    assert (written["numTraining"], written["file_ending"]) == (2, ".nii.gz")
    assert written["channel_names"] == {"0": "MRI"}
    found = described(tmp_path / "out")
    assert (found.classes, found.ignore) == (CLASSES, 3)


def test_resampled_labels_are_right_well_inside(scans: Volumes, tmp_path: Path) -> None:
    whole = [Box(case_id, (0, 0, 0), case.shape) for case_id, case in scans.cases.items()]
    write_labels(tmp_path / "out", scans, {box: np.ones(box.size, np.uint8) for box in whole}, [])
    for box in whole:
        path = tmp_path / "out" / "labelsTr" / f"{box.case}.nii.gz"
        assert (file.labels(path, CLASSES, [3]) == 1).all()


def test_what_a_person_drew_stands_over_labels_that_cost_nothing(
    native: Volumes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, free = Box("plain", (0, 0, 0), (2, 2, 2)), np.zeros(native.cases["plain"].shape, np.uint8)
    drawn = np.full(box.size, IGNORE, np.uint8)
    drawn[0] = 1
    monkeypatch.setattr(native, "free_labels", lambda case_id: free if case_id == "plain" else None)
    write_labels(tmp_path / "out", native, {box: drawn}, ["plain"])
    found = file.labels(tmp_path / "out" / "labelsTr" / "plain.nii.gz", CLASSES, [3])
    assert np.bincount(found.ravel()).tolist() == [found.size - 4, 4]


def test_class_0_is_called_as_nnu_net_wants_it(
    native: Volumes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "classes", ("Background", "front", "back"))
    write_labels(tmp_path / "out", native, truth(native, BOXES), [])
    labels = json.loads((tmp_path / "out" / "dataset.json").read_text())["labels"]
    assert labels == {"background": 0, "front": 1, "back": 2, "ignore": 3}


def test_labels_that_cost_nothing_are_among_them(
    native: Volumes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = np.full(native.cases["flipped"].shape, IGNORE, np.uint8)
    free[3, 4, 5] = 2
    monkeypatch.setattr(native, "free_labels", lambda case_id: free if case_id == "flipped" else None)
    with pytest.raises(OptionsError, match="nothing is labelled yet"):
        write_labels(tmp_path / "out", native, {}, ["plain"])  # it is of the test set
    write_labels(tmp_path / "out", native, {}, [*native.cases])
    found = file.labels(tmp_path / "out" / "labelsTr" / "flipped.nii.gz", CLASSES, [3])
    assert (found == 2).sum() == 1
    assert (found == IGNORE).sum() == found.size - 1


def test_when_a_voxel_was_asked_for(scans: Volumes, tmp_path: Path) -> None:
    first, second = Box("plain", (0, 0, 0), (2, 3, 3)), Box("plain", (3, 3, 3), (2, 3, 3))
    write_queried(tmp_path / "out", scans, pd.concat([table([first], 1), table([second], 7)]))
    (path,) = (tmp_path / "out").iterdir()
    assert np.unique(np.asanyarray(nibabel.load(path).dataobj)).tolist() == [0, 1, 7]


def test_nothing_is_nothing_to_write(native: Volumes, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="nothing is labelled yet"):
        write_labels(tmp_path / "out", native, {}, [])
    with pytest.raises(OptionsError, match="no box was asked for yet"):
        write_queried(tmp_path / "out", native, table([]))
    assert not any(tmp_path.iterdir())


def test_a_class_that_is_called_background_leaves_0_to_the_background(tmp_path: Path) -> None:
    scans: Any = SimpleNamespace(classes=("air", "background", "tumour"), channels=("CT",))
    write_description(tmp_path, scans, 1)
    labels = json.loads((tmp_path / "dataset.json").read_text())["labels"]
    assert labels == {"background": 0, "background_1": 1, "tumour": 2, "ignore": 3}
