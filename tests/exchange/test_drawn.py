"""A person labels boxes in files of whole scans: what is right comes back, what is wrong is named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from nibabel.affines import apply_affine

from queryloop.boxes.box import Box
from queryloop.errors import BrokenFileError
from queryloop.exchange.drawn import read_drawn
from queryloop.exchange.query import write_query
from queryloop.readers.grid import affine as to_millimetres
from queryloop.readers.grid import labels_to_store
from queryloop.storage.volumes import Volumes
from queryloop.tasks.segmentation.space import covering, place
from queryloop.voxels import IGNORE

from .made_up import CLASSES, TURNS, grid, scan, table

UNLABELLED = len(CLASSES)


def boxes(scans: Volumes, case_id: str) -> list[Box]:
    """Two boxes that touch, and one apart."""
    depth, height, width = (n // 3 for n in scans.cases[case_id].shape)
    low = Box(case_id, (0, 1, 0), (depth, height, width))
    return [low, Box(case_id, (0, 1, width), low.size), Box(case_id, (depth, height + 1, width), (2, 2, 2))]


def draw(path: Path, region_of: Callable[[np.ndarray], None], affine: np.ndarray | None = None) -> Path:
    """The file with its voxels changed, as a viewer saves it."""
    before = nibabel.load(path)
    voxels = np.asanyarray(before.dataobj).astype(np.int16)
    region_of(voxels)
    nibabel.save(nibabel.Nifti1Image(voxels, before.affine if affine is None else affine), path)
    return path


@pytest.mark.parametrize("case_id", TURNS)
def test_what_is_drawn_where_two_answered_boxes_meet_corrects_both(
    scans: Volumes, case_id: str, tmp_path: Path
) -> None:
    """Resampled, both have a part of some voxels of the file."""
    case = scans.cases[case_id]
    *met, apart = boxes(scans, case_id)
    answered = {box: np.zeros(box.size, np.uint8) for box in met}
    write_query(tmp_path / "asked", scans, table([apart]), answered)
    shared = np.zeros(case.native.shape, np.uint8)
    for box in met:
        shared[covering(box, case)] += 1

    def paint(voxels: np.ndarray) -> None:
        voxels[shared == 2] = 1

    path = draw(tmp_path / "asked" / "masks" / f"{case_id}.nii.gz", paint)
    found = read_drawn(path, case, CLASSES, [*met, apart], {}, answered)
    expected = labels_to_store((shared == 2).astype(np.uint8), case)
    assert list(found) == met
    for box in met:
        np.testing.assert_array_equal(found[box], expected[box.slices])


@pytest.fixture
def asked(native: Volumes, tmp_path: Path) -> Path:
    """The file to draw into of case `turned`."""
    write_query(tmp_path / "asked", native, table(boxes(native, "turned")))
    return tmp_path / "asked" / "masks" / "turned.nii.gz"


def read(path: Path, scans: Volumes, before: dict[Box, np.ndarray] | None = None) -> dict[Box, np.ndarray]:
    case = scans.cases["turned"]
    left = [box for box in boxes(scans, "turned") if box not in (before or {})]
    return read_drawn(path, case, CLASSES, left, before or {})


@pytest.mark.parametrize("case_id", TURNS)
def test_the_truth_drawn_into_the_boxes_is_what_the_store_has(
    scans: Volumes, case_id: str, tmp_path: Path
) -> None:
    asked = boxes(scans, case_id)
    write_query(tmp_path / "asked", scans, table(asked))
    path = tmp_path / "asked" / "masks" / f"{case_id}.nii.gz"

    def fill(voxels: np.ndarray) -> None:
        inside = voxels == UNLABELLED
        voxels[inside] = scan(case_id).labels[inside]

    found = read_drawn(draw(path, fill), scans.cases[case_id], CLASSES, asked, {})
    assert list(found) == asked
    for box, labels in found.items():
        np.testing.assert_array_equal(labels, scans.labels(case_id)[box.slices])
        assert labels.dtype == np.uint8


def test_an_untouched_file_has_no_answers(asked: Path, native: Volumes) -> None:
    assert read(asked, native) == {}


def test_a_box_without_foreground_is_an_answer(asked: Path, native: Volumes) -> None:
    box = boxes(native, "turned")[2]

    def clear(voxels: np.ndarray) -> None:
        voxels[covering(box, native.cases["turned"])] = 0

    found = read(draw(asked, clear), native)
    assert list(found) == [box]
    assert (found[box] == 0).all()


def test_voxels_may_stay_without_a_label(asked: Path, native: Volumes) -> None:
    box = boxes(native, "turned")[0]

    def some(voxels: np.ndarray) -> None:
        voxels[tuple(slice(side.start, side.start + 1) for side in covering(box, native.cases["turned"]))] = 2

    labels = read(draw(asked, some), native)[box]
    assert (labels == 2).sum() == 1
    assert (labels == IGNORE).sum() == labels.size - 1


def test_a_file_of_nnu_net_is_ignored_outside_instead_of_0(asked: Path, native: Volumes) -> None:
    box = boxes(native, "turned")[1]

    def fill(voxels: np.ndarray) -> None:
        voxels[:] = UNLABELLED
        voxels[covering(box, native.cases["turned"])] = 1

    found = read(draw(asked, fill), native)
    assert list(found) == [box]
    assert (found[box] == 1).all()


def test_boxes_of_earlier_queries_may_stay_in_the_file_but_not_change(asked: Path, native: Volumes) -> None:
    case, (first, second, _) = native.cases["turned"], boxes(native, "turned")

    def fill(voxels: np.ndarray) -> None:
        voxels[covering(first, case)], voxels[covering(second, case)] = 2, 1

    path = draw(asked, fill)
    assert list(read(path, native, {first: np.full(first.size, 2, np.uint8)})) == [second]
    with pytest.raises(BrokenFileError, match=rf"{first.id} of an earlier query.*nothing is overwritten"):
        read(path, native, {first: np.zeros(first.size, np.uint8)})


@pytest.mark.parametrize("case_id", TURNS)
def test_a_box_beside_one_that_is_filled_in_stays_open(scans: Volumes, case_id: str, tmp_path: Path) -> None:
    asked = boxes(scans, case_id)
    write_query(tmp_path / "asked", scans, table(asked))
    path = tmp_path / "asked" / "masks" / f"{case_id}.nii.gz"

    def fill(voxels: np.ndarray) -> None:
        voxels[covering(asked[1], scans.cases[case_id])] = 1

    found = read_drawn(draw(path, fill), scans.cases[case_id], CLASSES, asked, {})
    assert list(found) == [asked[1]]
    assert (found[asked[1]] == 1).all()


@pytest.mark.parametrize("case_id", TURNS)
def test_drawing_beside_an_earlier_box_leaves_it_alone(scans: Volumes, case_id: str, tmp_path: Path) -> None:
    earlier, now, _ = boxes(scans, case_id)
    write_query(tmp_path / "asked", scans, table([now]))
    path = tmp_path / "asked" / "masks" / f"{case_id}.nii.gz"

    def fill(voxels: np.ndarray) -> None:
        voxels[voxels == UNLABELLED] = 1

    before = {earlier: np.full(earlier.size, 2, np.uint8)}
    found = read_drawn(draw(path, fill), scans.cases[case_id], CLASSES, [now], before)
    assert (found[now] == 1).all()


def test_labels_outside_are_named(asked: Path, native: Volumes) -> None:
    def spill(voxels: np.ndarray) -> None:
        voxels[0, 0, 0] = voxels[-1, -1, -1] = 2

    with pytest.raises(
        BrokenFileError, match=r"turned.nii.gz: \d voxels? outside.*first at .* as 2 back.*Clear"
    ):
        read(draw(asked, spill), native)


def test_unknown_labels_are_named_with_their_place(asked: Path, native: Volumes) -> None:
    def paint(voxels: np.ndarray) -> None:
        voxels[2, 3, 4] = 7

    with pytest.raises(
        BrokenFileError, match=r"7 \(1 voxels\), the first at \(2, 3, 4\).*1 front.*3 not labelled"
    ):
        read(draw(asked, paint), native)


def test_another_grid_is_refused_with_both(asked: Path, native: Volumes) -> None:
    moved = grid("turned").affine.copy()
    moved[0, 3] += 3
    with pytest.raises(BrokenFileError, match=r"has the affine .* but the scan of turned has"):
        read(draw(asked, lambda _: None, moved), native)
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5), np.uint8), moved), asked)
    with pytest.raises(BrokenFileError, match=r"has shape \(3, 4, 5\), but the scan of turned has"):
        read(asked, native)


def test_a_truncated_file_is_refused(asked: Path, native: Volumes) -> None:
    raw = gzip.compress(gzip.decompress(asked.read_bytes()))
    asked.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(BrokenFileError, match=r"truncated or damaged|header is damaged"):
        read(asked, native)


def test_everything_that_was_asked_lies_at_the_same_millimetres(scans: Volumes, tmp_path: Path) -> None:
    asked = [box for case_id in TURNS for box in boxes(scans, case_id)]
    write_query(tmp_path / "asked", scans, table(asked))
    rows = pd.read_csv(tmp_path / "asked" / "query.csv")
    assert rows["sample_id"].tolist() == [box.id for box in asked]
    for rank, (box, row) in enumerate(zip(asked, rows.to_dict("records"), strict=True), start=1):
        case = scans.cases[box.case]
        where = place(box, case)
        np.testing.assert_allclose([row["ras_x"], row["ras_y"], row["ras_z"]], where.centre, atol=1e-3)
        np.testing.assert_allclose([-row["lps_x"], -row["lps_y"], row["lps_z"]], where.centre, atol=1e-3)
        (roi,) = json.loads((tmp_path / "asked" / "rois" / f"{box.id}.mrk.json").read_text())["markups"]
        assert (roi["type"], roi["roiType"], roi["coordinateSystem"]) == ("ROI", "Box", "LPS")
        np.testing.assert_allclose(np.array(roi["center"]) * [-1, -1, 1], where.centre)
        axes = np.reshape(roi["orientation"], (3, 3)) * np.array([[-1], [-1], [1]])
        corner = where.centre + axes @ np.array(roi["size"]) / 2
        last = np.array(box.stop[::-1]) - 0.5
        np.testing.assert_allclose(corner, apply_affine(to_millimetres(case), last), atol=1e-6)
        outlines = nibabel.load(tmp_path / "asked" / "outlines" / f"{box.case}.nii.gz")
        drawn = np.argwhere(np.asanyarray(outlines.dataobj) == rank)
        middle = apply_affine(outlines.affine, (drawn.min(axis=0) + drawn.max(axis=0)) / 2)
        reach = np.linalg.norm(np.sqrt((case.native.affine[:3, :3] ** 2).sum(axis=0)))
        assert np.linalg.norm(middle - where.centre) < reach


def test_a_crop_shows_what_the_store_has_at_its_millimetres(scans: Volumes, tmp_path: Path) -> None:
    asked = [box for case_id in TURNS for box in boxes(scans, case_id)]
    write_query(tmp_path / "asked", scans, table(asked))
    for box in asked:
        crop = nibabel.load(tmp_path / "asked" / "crops" / f"{box.id}_0000.nii.gz")
        values = np.asanyarray(crop.dataobj)
        middle = apply_affine(np.linalg.inv(crop.affine), place(box, scans.cases[box.case]).centre)
        low = tuple(np.ceil(middle - np.array(box.size[::-1]) / 2).astype(int))
        inside = tuple(slice(a, a + n) for a, n in zip(low, box.size[::-1], strict=True))
        np.testing.assert_array_equal(values[inside].T, scans.image(box.case)[0][box.slices])


def test_viewers_get_the_names_of_the_labels(native: Volumes, tmp_path: Path) -> None:
    write_query(tmp_path / "asked", native, table(boxes(native, "plain")))
    rows = [line.split() for line in (tmp_path / "asked" / "labels.ctbl").read_text().splitlines()]
    assert [row[:2] for row in rows] == [["0", "background"], ["1", "front"], ["2", "back"], ["3", "ignore"]]
    assert {len(row) for row in rows} == {6}
    assert len({tuple(row[2:]) for row in rows}) == 4
    lines = (tmp_path / "asked" / "labels.txt").read_text().splitlines()
    assert lines[2].startswith("2 ")
    assert lines[2].endswith('1 1 1 "back"')


def test_scan_and_masks_have_the_grid_of_the_file(scans: Volumes, tmp_path: Path) -> None:
    write_query(tmp_path / "asked", scans, table(boxes(scans, "turned")))
    for name in ("masks/turned.nii.gz", "outlines/turned.nii.gz", "images/turned_0000.nii.gz"):
        written = nibabel.load(tmp_path / "asked" / name)
        assert written.shape == grid("turned").shape
        for affine in (written.affine, written.header.get_qform(), written.header.get_sform()):
            np.testing.assert_allclose(affine, grid("turned").affine, atol=1e-5)
