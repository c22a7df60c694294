"""What is written for nnU-Net."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from queryloop.errors import InputError, MissingFilesError, OptionsError
from queryloop.training.nnunet import environment, raw
from queryloop.training.nnunet.trained import folds_in
from queryloop.training.nnunet.training import Settings, train
from queryloop.training.volumes.cases import Annotated
from tests.training.nnunet.placed import Placed
from tests.training.volumes.scans import annotated, scan, unlabelled

CLASSES = ("tissue", "one", "two")


def test_voxels_without_label_are_the_class_behind_the_last(tmp_path: Path) -> None:
    case, (image, labels) = annotated(shape=(14, 15, 16)), scan((14, 15, 16))
    raw.write(tmp_path, {"a": case}, {"a": Placed((14, 15, 16), (3.0, 2.0, 1.0))}, CLASSES)
    file = nibabel.load(tmp_path / "labelsTr" / "a.nii.gz")
    expected = np.full_like(labels, 3)
    expected[2:10, 3:11, 4:12] = labels[2:10, 3:11, 4:12]
    np.testing.assert_array_equal(np.asarray(file.dataobj).T, expected)
    np.testing.assert_array_equal(np.diag(file.affine), [1, 2, 3, 1])
    written = nibabel.load(tmp_path / "imagesTr" / "a_0000.nii.gz")
    np.testing.assert_array_equal(np.asarray(written.dataobj).T, image[0])


def test_the_description_names_all_classes_and_leaves_intensities_alone(tmp_path: Path) -> None:
    case = annotated()
    two = Annotated(np.concatenate([case.image, case.image]), case.parts)
    raw.write(tmp_path, {"a": two}, {"a": Placed((16, 16, 16), (1, 1, 1))}, CLASSES)
    found = json.loads((tmp_path / "dataset.json").read_text())
    assert found["labels"] == {"background": 0, "one": 1, "two": 2, "ignore": 3}
    assert found["channel_names"] == {"0": "noNorm", "1": "noNorm"}
    assert len(list((tmp_path / "imagesTr").iterdir())) == 2


def test_a_case_without_labels_is_refused(tmp_path: Path) -> None:
    layouts = {"empty": Placed((16, 16, 16), (1, 1, 1))}
    with pytest.raises(InputError, match="'empty' has no labelled voxel"):
        raw.write(tmp_path, {"empty": unlabelled()}, layouts, CLASSES)


def test_the_fingerprint_is_in_the_order_of_the_axes() -> None:
    found = raw.fingerprint({"a": Placed((14, 15, 16), (3, 2, 1))}, 1)
    assert (found["spacings"], found["shapes_after_crop"]) == ([[3, 2, 1]], [[14, 15, 16]])


def test_no_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no case has a labelled voxel"):
        train({}, {}, CLASSES, tmp_path, Settings(steps=1), 0)


@pytest.mark.parametrize("missing", ["plans.json", "dataset.json"])
def test_what_is_no_trained_folder_is_told(tmp_path: Path, missing: str) -> None:
    for name in {"plans.json", "dataset.json"} - {missing}:
        (tmp_path / name).write_text("{}")
    with pytest.raises(MissingFilesError, match="no folder of a trained nnU-Net"):
        folds_in(tmp_path)


def test_folds_that_are_not_there_are_named(tmp_path: Path) -> None:
    for name in (
        "plans.json",
        "dataset.json",
        "fold_0/a.pth",
        "fold_10/a.pth",
        "fold_2/a.pth",
        "fold_all/b.pth",
        "fold_1_old/a.pth",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert folds_in(tmp_path, "a.pth") == [0, 2, 10]
    assert folds_in(tmp_path, "a.pth", [2]) == [2]
    assert folds_in(tmp_path, "b.pth") == ["all"]
    with pytest.raises(MissingFilesError, match="fold 7; there are folds 0, 10, 2"):
        folds_in(tmp_path, "a.pth", [0, 7])
    with pytest.raises(
        MissingFilesError, match=r"no none\.pth of fold 0, 1, \.\.\.; there are folds \(none\)"
    ):
        folds_in(tmp_path, "none.pth")


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    with pytest.raises(OptionsError, match=r"pip install 'queryloop\[nnunet\]'"), environment.prepared():
        pass
