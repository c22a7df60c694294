"""Masks that cannot be taken in."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.handover.ask import ask
from queryloop.handover.tell import tell
from queryloop.storage.volumes import Volumes

from .drawn import OPEN, Begun, draw


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
