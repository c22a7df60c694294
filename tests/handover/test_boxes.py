"""Boxes are asked of people and their masks taken in, by the same two functions as images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from queryloop.boxes.box import Box
from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.handover.ask import ask
from queryloop.handover.export import export
from queryloop.handover.masks import _listed
from queryloop.handover.tell import tell
from queryloop.oracles.given import by_itself
from queryloop.readers.grid import is_resampled
from queryloop.readers.nifti import file
from queryloop.storage.files import whole_file
from queryloop.storage.lock import locked
from queryloop.storage.masks import MaskStore
from queryloop.storage.tables import AppendOnlyTable
from queryloop.storage.volumes import Volumes
from queryloop.tasks.segmentation.labels import masks_of
from queryloop.tasks.segmentation.replay import read_loops
from queryloop.tasks.segmentation.space import covering
from queryloop.voxels import IGNORE, TRUTH

from ..exchange.made_up import scan, scans, table

OPEN = [
    Box("turned", (0, 0, 0), (4, 5, 3)),
    Box("turned", (0, 5, 0), (4, 5, 3)),
    Box("plain", (2, 2, 2), (3, 3, 3)),
]
EARLIER = Box("turned", (8, 5, 5), (3, 3, 3))
SETTINGS = {"oracle": {"name": "people"}, "start": {"sampler": "random"}, "samples": "0123"}


@dataclass
class Begun:
    """An experiment with an open query of boxes, as far as `ask` and `tell` look at it."""

    home: Path
    catalog: DataCatalog
    query: pd.DataFrame
    labeled: pd.DataFrame
    n_committed: int = 1
    is_exhausted: bool = False
    flags: str = "--params=strategy=entropy"
    task = SimpleNamespace(name="segmentation")

    @property
    def run(self) -> SimpleNamespace:
        return SimpleNamespace(
            home=self.home,
            strategy="entropy",
            settings=SETTINGS,
            versions=["v"] * self.n_committed,
            query=self.query,
            labeled=self.labeled,
            answers=self.catalog.load("answers"),
        )


@pytest.fixture(scope="module", params=[None, (1.5, 2.1, 1.3)], ids=["native", "resampled"])
def volumes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Volumes:
    return scans(tmp_path_factory.mktemp("volumes"), request.param)


@pytest.fixture
def begun(volumes: Volumes, tmp_path: Path) -> Begun:
    home = tmp_path / "home"
    where = {"path": str(home)}
    with locked(home), whole_file(home / "settings.json") as settings:
        settings.write(json.dumps(SETTINGS).encode())
    catalog = DataCatalog(
        {
            "images": MemoryDataset(volumes, copy_mode="assign"),
            "masks": MaskStore(path=str(home / "masks"), experiment=where),
            "answers": AppendOnlyTable(
                path=str(home / "answers"), schema="answers", part="import_id", experiment=where
            ),
            "starting_set": MemoryDataset(table(OPEN)),
            "splits": MemoryDataset(pd.DataFrame({"sample_id": [*volumes.cases], "split": "train"})),
            "fingerprint": SimpleNamespace(fingerprint="0123"),
        }
    )
    return Begun(home, catalog, table(OPEN), table([EARLIER]).assign(label=TRUTH))


def draw(folder: Path, volumes: Volumes, *boxes: Box) -> None:
    """Draw the truth into some boxes of the files that were asked."""
    for box in boxes:
        paint(folder, volumes, box, scan(box.case).labels[covering(box, volumes.cases[box.case])])


def paint(folder: Path, volumes: Volumes, box: Box, labels: np.ndarray | int) -> Path:
    """Give all voxels of a box these labels."""
    path = folder / "masks" / f"{box.case}.nii.gz"
    before = nibabel.load(path)
    voxels = np.asanyarray(before.dataobj).copy()
    voxels[covering(box, volumes.cases[box.case])] = labels
    nibabel.save(nibabel.Nifti1Image(voxels, before.affine), path)
    return path


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


def next_query(begun: Begun, *boxes: Box) -> None:
    """The open query becomes the labelled set, and these boxes are asked for."""
    rows = begun.query.merge(begun.catalog.load("answers")[["sample_id", "label"]], on="sample_id")
    begun.labeled, begun.query, begun.n_committed = pd.concat([begun.labeled, rows]), table([*boxes]), 2


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


def outdated(begun: Begun, volumes: Volumes, folder: Path) -> None:
    """Ask into a folder, take its answers in, and ask for another box."""
    begun.query = table([OPEN[2]])
    ask(begun, folder)
    draw(folder, volumes, OPEN[2])
    tell(begun, folder, "ann")
    next_query(begun, Box("plain", (6, 2, 2), (3, 3, 3)))


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


def test_what_cannot_be_taken_in_leaves_nothing(begun: Begun, volumes: Volumes, tmp_path: Path) -> None:
    ask(begun, tmp_path / "asked")
    folder = tmp_path / "asked" / "masks"
    with pytest.raises(BrokenFileError, match="no box is filled in"):
        tell(begun, folder, "ann")
    draw(tmp_path / "asked", volumes, OPEN[0])
    plain = nibabel.load(folder / "plain.nii.gz")
    voxels = np.asanyarray(plain.dataobj).copy()
    voxels[-1, -1, -1] = 2
    nibabel.save(nibabel.Nifti1Image(voxels, plain.affine), folder / "plain.nii.gz")
    with pytest.raises(BrokenFileError, match=r"plain\.nii\.gz: 1 voxels outside"):
        tell(begun, folder, "ann")
    (folder / "plain.nii.gz").rename(folder / "flipped.nii.gz")
    with pytest.raises(
        BrokenFileError, match=r"no box of a scan 'flipped' is asked for here, only .*plain, turned"
    ):
        tell(begun, folder, "ann")
    with pytest.raises(MissingFilesError, match="holds no masks"):
        tell(begun, tmp_path / "nowhere", "ann")
    assert not begun.catalog.exists("answers")
    assert not begun.catalog.exists("masks")


@pytest.mark.parametrize(
    "name", ["masks/turned.seg.nrrd", "masks/turned.stl", "turned.seg.nrrd", "plain.nii.gz"]
)
def test_what_a_viewer_saved_otherwise_is_not_passed_over(
    begun: Begun, volumes: Volumes, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "asked"
    ask(begun, folder)
    draw(folder, volumes, OPEN[0])
    (folder / name).touch()
    with pytest.raises(BrokenFileError, match=rf"{name}: only NIfTI files .* Export to files"):
        tell(begun, folder, "ann")
    if "nrrd" in name:
        with pytest.raises(BrokenFileError, match=r"seg\.nrrd: only NIfTI"):
            tell(begun, folder / name, "ann")
    assert not begun.catalog.exists("answers")
    (folder / name).unlink()
    assert "1 new answers" in " ".join(tell(begun, folder, "ann"))


def test_two_files_of_one_scan_are_refused(begun: Begun, tmp_path: Path) -> None:
    ask(begun, tmp_path / "asked")
    folder = tmp_path / "asked" / "masks"
    nibabel.save(nibabel.load(folder / "plain.nii.gz"), folder / "plain.nii")
    with pytest.raises(BrokenFileError, match="of the same scan"):
        tell(begun, folder, "ann")


def test_an_export_holds_labels_loops_and_cycles(begun: Begun, volumes: Volumes, tmp_path: Path) -> None:
    with locked(begun.home):
        begun.catalog.save("answers", answer_to(EARLIER, TRUTH))
    assert "1 labelled boxes and 3 of the open query" in export(begun, tmp_path / "out")
    loops = read_loops(tmp_path / "out" / "loops", volumes.cases)
    assert [len(loop) for loop in loops] == [1, 3]
    if not is_resampled(volumes.cases["turned"]):
        assert loops == [[EARLIER], OPEN]
    cycles = np.asanyarray(nibabel.load(tmp_path / "out" / "queried" / "turned.nii.gz").dataobj)
    assert np.unique(cycles).tolist() == [0, 1, 2]
    labels = file.labels(tmp_path / "out" / "labels" / "labelsTr" / "turned.nii.gz", volumes.classes, [3])
    assert 0 < (labels != IGNORE).sum() < 4 * np.prod(EARLIER.size)


def test_an_export_holds_what_was_told_since(begun: Begun, volumes: Volumes, tmp_path: Path) -> None:
    with locked(begun.home):
        begun.catalog.save("answers", answer_to(EARLIER, TRUTH))
    ask(begun, tmp_path / "asked")
    draw(tmp_path / "asked", volumes, OPEN[2])
    tell(begun, tmp_path / "asked", "ann")
    assert "2 labelled boxes and 3 of the open query" in export(begun, tmp_path / "out")
    labels = file.labels(tmp_path / "out" / "labels" / "labelsTr" / "plain.nii.gz", volumes.classes, [3])
    assert (labels != IGNORE).any()


def answer_to(box: Box, label: str) -> pd.DataFrame:
    """What a simulated oracle said of a box."""
    asked = pd.DataFrame({"sample_id": [box.id], "cycle": 1})
    return by_itself(asked, np.array([label]), "simulated", "simulated-000001")


def test_an_export_before_the_first_cycle_has_no_labels(begun: Begun, tmp_path: Path) -> None:
    begun.labeled = begun.labeled[:0]
    begun.n_committed = 0
    export(begun, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["loops", "queried"]


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
