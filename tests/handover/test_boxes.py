"""Boxes are asked of people and their masks taken in, by the same two functions as images."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from queryloop.boxes.box import Box
from queryloop.errors import BrokenFileError
from queryloop.handover.ask import ask
from queryloop.handover.tell import tell
from queryloop.readers.grid import is_resampled
from queryloop.storage.volumes import Volumes
from queryloop.tasks.segmentation.labels import masks_of
from queryloop.tasks.segmentation.space import covering
from queryloop.voxels import IGNORE

from ..exchange.made_up import table
from .drawn import EARLIER, OPEN, Begun, draw, paint


def test_boxes_go_out_and_their_masks_come_in(begun: Begun, volumes: Volumes, tmp_path: Path) -> None:
    said = ask(begun, tmp_path / "asked")
    assert "3 open boxes" in said
    assert "0 background, 1 front, 2 back" in said
    draw(tmp_path / "asked", volumes, *OPEN)
    told = " ".join(tell(begun, tmp_path / "asked", "ann"))
    assert "3 new answers" in told
    assert "all 3 answers are in" in told
    held = sum(np.bincount(volumes.labels(b.case)[b.slices].ravel(), minlength=3) for b in OPEN)
    assert f"0 background {held[0]}, 1 front {held[1]}, 2 back {held[2]}." in told
    answers = begun.catalog.load("answers")
    assert set(answers["annotator"]) == {"ann"}
    labeled = table(OPEN).merge(answers[["sample_id", "label"]], on="sample_id")
    for box, labels in masks_of(labeled, volumes, begun.catalog.load("masks")).items():
        np.testing.assert_array_equal(labels, volumes.labels(box.case)[box.slices])


def test_some_boxes_can_be_told_and_the_others_later(begun: Begun, volumes: Volumes, tmp_path: Path) -> None:
    ask(begun, tmp_path / "asked")
    draw(tmp_path / "asked", volumes, OPEN[0])
    assert "waiting for 3 answers, 1 are in" in " ".join(tell(begun, tmp_path / "asked" / "masks", "ann"))
    draw(tmp_path / "asked", volumes, OPEN[2])
    told = " ".join(tell(begun, tmp_path / "asked" / "masks" / "plain.nii.gz", "ann"))
    assert "waiting for 3 answers, 2 are in" in told
    assert "1 open boxes" in ask(begun, tmp_path / "again")
    draw(tmp_path / "again", volumes, OPEN[1])
    told = " ".join(tell(begun, tmp_path / "again", "ann"))
    assert "1 new answers" in told
    assert "1 answers were in already" in told
    assert "all 3 answers are in" in told


def test_boxes_with_answers_are_shown_and_not_asked_for_again(
    begun: Begun, volumes: Volumes, tmp_path: Path
) -> None:
    ask(begun, tmp_path / "asked")
    draw(tmp_path / "asked", volumes, OPEN[0], OPEN[2])
    tell(begun, tmp_path / "asked", "ann")
    before = begun.catalog.load("answers")
    ask(begun, tmp_path / "again")
    assert pd.read_csv(tmp_path / "again" / "query.csv")["sample_id"].tolist() == [OPEN[1].id]
    for kind, names in (("masks", ["turned.nii.gz"]), ("rois", [f"{OPEN[1].id}.mrk.json"])):
        assert [path.name for path in (tmp_path / "again" / kind).iterdir()] == names
    told = " ".join(tell(begun, tmp_path / "again", "bo"))
    assert "0 new answers were taken in. 1 answers were in already." in told
    assert "waiting for 3 answers, 2 are in" in told
    pd.testing.assert_frame_equal(begun.catalog.load("answers"), before)


def test_a_box_with_an_answer_can_be_corrected_where_it_is_shown(
    begun: Begun, volumes: Volumes, tmp_path: Path
) -> None:
    ask(begun, tmp_path / "asked")
    draw(tmp_path / "asked", volumes, OPEN[0])
    tell(begun, tmp_path / "asked", "ann")
    ask(begun, tmp_path / "again")
    paint(tmp_path / "again", volumes, OPEN[0], 2)
    told = " ".join(tell(begun, tmp_path / "again", "bo"))
    assert f"1 labels are others than before: {OPEN[0].id} was" in told
    key = begun.catalog.load("answers")["label"].iloc[-1]
    assert (begun.catalog.load("masks")[key] == 2).all()


def test_a_box_that_keeps_no_label_is_not_answered(begun: Begun, volumes: Volumes, tmp_path: Path) -> None:
    """One voxel of the file can be too few for any of the store."""
    case = volumes.cases["turned"]
    ask(begun, tmp_path / "asked")
    path = tmp_path / "asked" / "masks" / "turned.nii.gz"
    before = nibabel.load(path)
    voxels = np.asanyarray(before.dataobj).copy()
    voxels[tuple(side.start for side in covering(OPEN[0], case))] = 1
    nibabel.save(nibabel.Nifti1Image(voxels, before.affine), path)
    if is_resampled(case):
        with pytest.raises(BrokenFileError, match="no box is filled in"):
            tell(begun, path, "ann")
    else:
        assert "1 new answers" in " ".join(tell(begun, path, "ann"))


def test_boxes_of_background_alone_are_named(begun: Begun, volumes: Volumes, tmp_path: Path) -> None:
    ask(begun, tmp_path / "asked")
    draw(tmp_path / "asked", volumes, OPEN[2])
    paint(tmp_path / "asked", volumes, OPEN[0], 0)
    told = " ".join(tell(begun, tmp_path / "asked", "ann"))
    assert f"1 boxes hold background alone: {OPEN[0].id}. Is that so?" in told


def test_repeated_masks_change_nothing_and_redrawn_ones_are_new_rows(
    begun: Begun, volumes: Volumes, tmp_path: Path
) -> None:
    ask(begun, tmp_path / "asked")
    draw(tmp_path / "asked", volumes, OPEN[0])
    tell(begun, tmp_path / "asked", "ann")
    assert "nothing changed" in " ".join(tell(begun, tmp_path / "asked", "bo"))
    path = paint(tmp_path / "asked", volumes, OPEN[0], 1)
    assert f"1 labels are others than before: {OPEN[0].id} was" in " ".join(tell(begun, path, "bo"))
    answers = begun.catalog.load("answers")
    assert answers["annotator"].tolist() == ["ann", "bo"]
    assert (begun.catalog.load("masks")[answers["label"].iloc[-1]] == 1).all()


def test_boxes_of_the_labelled_set_may_stay_in_the_files(
    begun: Begun, volumes: Volumes, tmp_path: Path
) -> None:
    ask(begun, tmp_path / "asked")
    draw(tmp_path / "asked", volumes, OPEN[0], EARLIER)
    assert "1 new answers" in " ".join(tell(begun, tmp_path / "asked", "ann"))


def test_voxels_left_without_a_label_are_said(begun: Begun, volumes: Volumes, tmp_path: Path) -> None:
    ask(begun, tmp_path / "asked")
    draw(tmp_path / "asked", volumes, Box("plain", (2, 2, 2), (3, 3, 1)))
    told = " ".join(tell(begun, tmp_path / "asked", "ann"))
    assert f"1 boxes keep voxels without a label: {OPEN[2].id} (" in told
    (key,) = begun.catalog.load("answers")["label"]
    assert (begun.catalog.load("masks")[key] == IGNORE).any()
