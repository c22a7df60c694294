"""Masks that are told after another query was asked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from queryloop.boxes.box import Box
from queryloop.errors import BrokenFileError
from queryloop.handover.ask import ask
from queryloop.handover.masks import _listed
from queryloop.handover.tell import tell
from queryloop.storage.volumes import Volumes

from ..exchange.made_up import table
from .drawn import OPEN, Begun, draw, paint


def next_query(begun: Begun, *boxes: Box) -> None:
    """The open query becomes the labelled set, and these boxes are asked for."""
    rows = begun.query.merge(begun.catalog.load("answers")[["sample_id", "label"]], on="sample_id")
    begun.labeled, begun.query, begun.n_committed = pd.concat([begun.labeled, rows]), table([*boxes]), 2


def outdated(begun: Begun, volumes: Volumes, folder: Path) -> None:
    """Ask into a folder, take its answers in, and ask for another box."""
    begun.query = table([OPEN[2]])
    ask(begun, folder)
    draw(folder, volumes, OPEN[2])
    tell(begun, folder, "ann")
    next_query(begun, Box("plain", (6, 2, 2), (3, 3, 3)))


def test_background_alone_can_be_told_of_the_next_query_too(
    begun: Begun, volumes: Volumes, tmp_path: Path
) -> None:
    begun.query = table([OPEN[2]])
    ask(begun, tmp_path / "asked")
    first = paint(tmp_path / "asked", volumes, OPEN[2], 0)
    tell(begun, first, "ann")
    next_query(begun, later := Box("plain", (6, 2, 2), (3, 3, 3)))
    ask(begun, tmp_path / "next")
    second = paint(tmp_path / "next", volumes, later, 0)
    assert second.read_bytes() == first.read_bytes()
    assert "all 1 answers are in" in " ".join(tell(begun, second, "ann"))
    assert "was taken in before: nothing changed" in " ".join(tell(begun, second, "ann"))


@pytest.mark.parametrize("part", [".", "masks", "masks/plain.nii.gz"])
def test_folder_of_an_earlier_query_corrects_its_boxes_alone(
    begun: Begun, volumes: Volumes, tmp_path: Path, part: str
) -> None:
    outdated(begun, volumes, tmp_path / "asked")
    before = begun.catalog.load("answers")
    told = " ".join(tell(begun, tmp_path / "asked" / part, "bo"))
    assert "0 new answers were taken in" in told
    assert "1 answers were in already" in told
    assert "waiting for 1 answers, 0 are in" in told
    pd.testing.assert_frame_equal(begun.catalog.load("answers"), before)
    paint(tmp_path / "asked", volumes, OPEN[2], 1)
    told = " ".join(tell(begun, tmp_path / "asked" / part, "bo"))
    assert f"1 labels are others than before: {OPEN[2].id} was" in told
    assert "waiting for 1 answers, 0 are in" in told
    newest = begun.catalog.load("answers").iloc[-1]
    assert (newest["sample_id"], newest["annotator"]) == (OPEN[2].id, "bo")
    assert (begun.catalog.load("masks")[newest["label"]] == 1).all()


@pytest.mark.parametrize("part", [".", "masks", "masks/plain.nii.gz"])
def test_without_its_table_a_folder_is_of_the_open_query(
    begun: Begun, volumes: Volumes, tmp_path: Path, part: str
) -> None:
    outdated(begun, volumes, tmp_path / "asked")
    (tmp_path / "asked" / "query.csv").unlink()
    assert "1 new answers were taken in" in " ".join(tell(begun, tmp_path / "asked" / part, "ann"))
    assert begun.catalog.load("answers")["sample_id"].iloc[-1] == begun.query["sample_id"].item()


@pytest.mark.parametrize("part", [".", "plain.nii.gz"])
def test_folder_of_boxes_that_nobody_was_asked_for_is_refused_from_within(
    begun: Begun, volumes: Volumes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    outdated(begun, volumes, tmp_path / "asked")
    monkeypatch.chdir(tmp_path / "asked" / "masks")
    listed = tmp_path / "asked" / "query.csv"
    other = Box("plain", (1, 1, 1), (3, 3, 3)).id
    listed.write_text(listed.read_text().replace(",", ";").replace(OPEN[2].id.replace(",", ";"), other))
    before = begun.catalog.load("answers")
    with pytest.raises(
        BrokenFileError, match=rf"query\.csv names {other}, for none of which this experiment"
    ):
        tell(begun, Path(part), "ann")
    pd.testing.assert_frame_equal(begun.catalog.load("answers"), before)


def test_a_table_beside_the_masks_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    """Without it, masks of an earlier query would pass for answers to the open one."""
    assert _listed(tmp_path) == (tmp_path / "query.csv", None)
    text = 'Sample_ID,rank,label\n"plain@2,2,2",1,\n'
    (tmp_path / "query.csv").write_text(text)
    assert _listed(tmp_path)[1] == ["plain@2,2,2"]
    (tmp_path / "query.csv").write_text(text, encoding="utf-16")
    with pytest.raises(BrokenFileError, match="UTF-8"):
        _listed(tmp_path)
    (tmp_path / "query.csv").write_text("box,rank\na,1\n")
    with pytest.raises(BrokenFileError, match="no column of boxes"):
        _listed(tmp_path)
