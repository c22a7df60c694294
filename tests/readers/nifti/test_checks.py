"""What bad scans get: the file, both values, and what to do."""

from __future__ import annotations

import logging
import os
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest

from queryloop.errors import BrokenFileError
from queryloop.readers.nifti import file

from .files import RAS, SHAPE, decathlon, mask, nnunet, read, save, scan

IMAGE, LABEL = "imagesTr/a1_0000.nii.gz", "labelsTr/a1.nii.gz"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return nnunet(tmp_path)


def refused(folder: Path) -> str:
    with pytest.raises(BrokenFileError) as caught:
        list(read(folder).volumes())
    return str(caught.value)


def tells(message: str, *fragments: object) -> None:
    for fragment in fragments:
        assert str(fragment) in message


def with_value(value: float, n: int, voxels: np.ndarray) -> np.ndarray:
    changed = voxels.astype(np.float32)
    changed.flat[:n] = value
    return changed


def test_label_of_another_shape_is_refused_with_both_shapes(folder: Path) -> None:
    save(folder / LABEL, mask(shape=(5, 6, 8)))
    tells(refused(folder), folder / LABEL, "(5, 6, 8)", folder / IMAGE, SHAPE, "resample one")


def test_label_of_another_affine_is_refused_with_both_affines(folder: Path) -> None:
    save(folder / LABEL, mask(), np.diag([-1.0, 1.0, 2.5, 1.0]))
    theirs, ours = "[-1 0 0 0] [0 1 0 0] [0 0 2.5 0]", "[1 0 0 0] [0 1 0 0] [0 0 1 0]"
    tells(refused(folder), folder / LABEL, theirs, folder / IMAGE, ours, "resample one")


def test_rounding_of_an_affine_is_no_other_affine(folder: Path) -> None:
    save(folder / LABEL, mask(), RAS + np.random.default_rng(0).uniform(-1e-4, 1e-4, (4, 4)))
    assert len(list(read(folder).volumes())) == 3


@pytest.mark.parametrize(
    ("sform", "qform"), [((None, 0), (None, 0)), ((RAS, 2), (np.diag([-1, -1, 1, 1]), 1))]
)
def test_headers_that_leave_open_which_way_a_scan_lies_are_told(
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    sform: tuple[np.ndarray | None, int],
    qform: tuple[np.ndarray | None, int],
) -> None:
    with caplog.at_level(logging.WARNING):
        read(folder)
    assert not caplog.records
    image = nibabel.load(folder / IMAGE)
    image.set_sform(*sform)
    image.set_qform(*qform)
    nibabel.save(nibabel.Nifti1Image(scan(), None, image.header), folder / IMAGE)
    (folder / LABEL).write_bytes((folder / IMAGE).read_bytes())  # its voxels are not looked at
    with caplog.at_level(logging.WARNING):
        read(folder)
    assert "headers of 1 scans leave open which way they lie" in caplog.text
    assert "a1" in caplog.text


def test_channels_of_different_grids_are_refused(tmp_path: Path) -> None:
    folder = nnunet(tmp_path, channels=("T1", "T2"))
    save(folder / "imagesTr/a1_0001.nii.gz", scan(shape=(6, 6, 7)))
    tells(refused(folder), folder / "imagesTr/a1_0001.nii.gz", "(6, 6, 7)", SHAPE)


def test_free_labels_of_another_shape_are_refused(folder: Path) -> None:
    save(folder / "addTr/a1.nii.gz", mask(shape=(4, 6, 7)))
    tells(refused(folder), folder / "addTr/a1.nii.gz", "(4, 6, 7)", SHAPE)


@pytest.mark.parametrize("name", [IMAGE, LABEL])
@pytest.mark.parametrize("shape", [(5, 6, 7, 2), (5, 6)])
def test_other_than_three_axes_are_refused(folder: Path, name: str, shape: tuple[int, ...]) -> None:
    save(folder / name, mask(shape=shape))
    tells(refused(folder), folder / name, f"is {len(shape)}D {shape}, expected 3D", "keep one volume")


def test_channels_of_the_decathlon_must_be_those_of_its_description(tmp_path: Path) -> None:
    folder = decathlon(tmp_path, channels=("T1", "T2"))
    path = save(folder / "imagesTr/a1.nii.gz", scan(shape=(*SHAPE, 3)))
    tells(refused(folder), path, "has 3 channels", "names 2 (T1, T2)")
    save(path, scan())
    tells(refused(folder), path, f"is 3D {SHAPE}, expected 4D (x, y, z and 2 channels)", "join")


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_voxels_that_are_no_numbers_are_counted(folder: Path, number: float) -> None:
    save(folder / IMAGE, with_value(number, 4, scan()))
    tells(refused(folder), folder / IMAGE, "4 of 210 voxels of channel MRI are NaN or infinite")


def test_constant_image_is_refused(folder: Path) -> None:
    save(folder / IMAGE, np.full(SHAPE, 7, np.int16))
    tells(refused(folder), folder / IMAGE, "all voxels of channel MRI are 7")


def test_unknown_labels_are_counted(folder: Path) -> None:
    voxels = np.minimum(mask(), 1)
    voxels.flat[:7] = [3, 3, 3, 3, 9, 9, 255]
    save(folder / LABEL, voxels)
    counted = "does not name: 3 (4 voxels), 9 (2 voxels), 255 (1 voxels), the first at (0, 0, 0) (x, y, z)"
    tells(refused(folder), folder / LABEL, counted, "; known are 0 background, 1 front, 2 back.")


@pytest.mark.parametrize(("value", "told"), [(0.5, "0.5 (2 voxels)"), (np.nan, "nan (2 voxels)")])
def test_labels_that_are_no_whole_numbers_are_counted(folder: Path, value: float, told: str) -> None:
    save(folder / LABEL, with_value(value, 2, mask()))
    tells(refused(folder), folder / LABEL, "no whole numbers", told)


def test_whole_numbers_as_floats_are_labels(folder: Path) -> None:
    save(folder / LABEL, mask().astype(np.float64))
    assert [volume.labels.dtype for volume in read(folder).volumes()] == [np.uint8] * 3


@pytest.mark.parametrize("value", [-1, 4])
def test_free_labels_are_classes_or_unknown(folder: Path, value: int) -> None:
    save(folder / "addTr/a1.nii.gz", with_value(value, 2, mask()))
    tells(refused(folder), folder / "addTr/a1.nii.gz", f"{value} (2 voxels)", "255 not labelled")


@pytest.mark.parametrize("name", [IMAGE, LABEL])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.99])
def test_truncated_file_is_named(folder: Path, name: str, part: float) -> None:
    raw = (folder / name).read_bytes()
    (folder / name).write_bytes(raw[: int(part * len(raw))])
    tells(refused(folder), folder / name)


@pytest.mark.parametrize("part", [0.0, 0.4, 0.99])
def test_truncated_file_that_is_not_packed_is_named(tmp_path: Path, part: float) -> None:
    path = nnunet(tmp_path, ending=".nii") / "labelsTr/a1.nii"
    raw = path.read_bytes()
    path.write_bytes(raw[: int(part * len(raw))])
    tells(refused(tmp_path), path)


def test_one_changed_byte_of_packed_voxels_is_noticed(folder: Path) -> None:
    raw = bytearray((folder / IMAGE).read_bytes())
    raw[-12] ^= 16
    (folder / IMAGE).write_bytes(raw)
    tells(refused(folder), folder / IMAGE)


def test_file_of_another_format_is_refused(folder: Path) -> None:
    nibabel.save(nibabel.MGHImage(scan().astype(np.float32), RAS), folder / "scan.mgz")
    (folder / "scan.mgz").rename(folder / IMAGE)
    tells(refused(folder), folder / IMAGE)


ENTRIES = {"sheared": (0, 1, 0.5), "without extent": (2, 2, 0.0), "NaN or infinity": (0, 3, np.nan)}


@pytest.mark.parametrize("told", ENTRIES)
def test_affine_that_is_no_grid_is_refused(tmp_path: Path, told: str) -> None:
    folder, (row, column, value) = nnunet(tmp_path, ending=".nii"), ENTRIES[told]
    path = folder / "imagesTr/a1_0000.nii"
    raw = bytearray(path.read_bytes())
    struct.pack_into("<f", raw, 280 + 16 * row + 4 * column, value)  # srow_x, srow_y, srow_z
    path.write_bytes(raw)
    tells(refused(folder), f"{path}: the affine [", told)


def test_colours_are_refused(folder: Path) -> None:
    colour = np.zeros(SHAPE, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    save(folder / IMAGE, colour)
    tells(refused(folder), folder / IMAGE, "expected numbers")


def test_headers_that_do_not_fit_are_all_named(folder: Path) -> None:
    for i in range(2):
        save(folder / f"labelsTr/a{i}.nii.gz", mask(shape=(5, 5, 5)))
    told = refused(folder)
    tells(told, "2 of 3 cases cannot be read: (1) ", "labelsTr/a0.nii.gz", ", (2) ", "labelsTr/a1.nii.gz")


def test_voxels_that_are_wrong_are_all_named(folder: Path) -> None:
    save(folder / "labelsTr/a0.nii.gz", np.full(SHAPE, 5, np.uint8))
    save(folder / "imagesTr/a2_0000.nii.gz", np.zeros(SHAPE, np.uint8))
    tells(refused(folder), "2 of 3 cases cannot be read", "labelsTr/a0.nii.gz", "imagesTr/a2_0000.nii.gz")


def test_oblique_cases_are_taken_and_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    turn = np.deg2rad(5)
    affine = RAS.copy()
    affine[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    for name, voxels in ((IMAGE, scan()), (LABEL, mask())):
        save(folder / name, voxels, affine)
    with caplog.at_level(logging.INFO, "queryloop"):
        assert len(read(folder).cases) == 3
    assert "1 are oblique and keep their own axes: a1." in caplog.text


def test_cases_without_foreground_are_taken_and_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(folder / LABEL, np.zeros(SHAPE, np.uint8))
    with caplog.at_level(logging.INFO, "queryloop"):
        assert len(list(read(folder).volumes())) == 3
    assert "1 of 3 cases have no foreground: a1." in caplog.text


def test_a_value_that_stands_for_none_is_refused(folder: Path) -> None:
    for value in (-3.4028235e38, 1e20):
        save(folder / IMAGE, with_value(value, 1, scan()))
        tells(refused(folder), IMAGE, f"{value:g}", "cannot be scaled: replace values that stand for none")
    save(folder / IMAGE, scan().astype(np.float32) * np.float32(1e-24))
    tells(refused(folder), IMAGE, "cannot be scaled")


def test_one_case_in_another_unit_is_named(folder: Path) -> None:
    for part in (IMAGE, LABEL):
        voxels = np.asanyarray(nibabel.load(folder / part).dataobj)
        save(folder / part, voxels, np.diag([1000.0, 1000.0, 1000.0, 1.0]))
    told = "a1: at 1 x 1 x 1 mm (z, y, x) it would have 7000 x 6000 x 5000 voxels, 1,000,000,000 times those"
    tells(refused(folder), told, "correct the spacing in its header")


@pytest.mark.parametrize(("unit", "mm"), [("unknown", 1), ("mm", 1), ("meter", 1000), ("micron", 0.001)])
def test_units_of_the_header_are_heeded(tmp_path: Path, unit: str, mm: float) -> None:
    made = nibabel.Nifti1Image(scan(), np.diag([2.0, 2.0, 3.0, 1.0]) / mm)
    made.header.set_xyzt_units(unit)
    nibabel.save(made, tmp_path / "a.nii")
    np.testing.assert_allclose(file.grid(tmp_path / "a.nii").affine, np.diag([2, 2, 3, 1]), rtol=1e-6)


def test_a_qform_that_is_no_rotation_is_named(folder: Path) -> None:
    made = nibabel.Nifti1Image(scan(), RAS)
    made.header["qform_code"], made.header["quatern_b"] = 1, 2.0
    nibabel.save(made, folder / IMAGE)
    tells(refused(folder), IMAGE, "its header says in a damaged way where the voxels lie")


def test_more_voxels_than_the_file_has_are_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", scan())
    raw = bytearray(path.read_bytes())
    raw[42:48] = struct.pack("<3h", 30_000, 30_000, 30_000)
    path.write_bytes(raw)
    with pytest.raises(BrokenFileError, match=r"a\.nii: is truncated or damaged.*54,000,000,000,000 bytes"):
        file.image(path, ["MRI"])


def test_a_name_that_no_table_can_hold_is_refused(folder: Path) -> None:
    (folder / IMAGE).rename(folder / "imagesTr" / os.fsdecode(b"\xe9_0000.nii.gz"))
    tells(refused(folder), "is not UTF-8: rename it")
