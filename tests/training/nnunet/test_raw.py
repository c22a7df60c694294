"""What is written for nnU-Net."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from queryloop.errors import InputError, OptionsError
from queryloop.training.nnunet import environment, raw
from queryloop.training.nnunet.training import Settings, train
from queryloop.training.volumes.cases import Annotated, Part
from queryloop.voxels import IGNORE
from tests.training.volumes.scans import annotated, scan, unlabelled

CLASSES = ("tissue", "one", "two")


def test_voxels_without_label_are_the_class_behind_the_last(tmp_path: Path) -> None:
    case, (image, labels) = annotated(shape=(14, 15, 16)), scan((14, 15, 16))
    raw.write(tmp_path, {"a": case}, {"a": (3.0, 2.0, 1.0)}, CLASSES)
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
    raw.write(tmp_path, {"a": two}, {"a": (1, 1, 1)}, CLASSES)
    found = json.loads((tmp_path / "dataset.json").read_text())
    assert found["labels"] == {"background": 0, "one": 1, "two": 2, "ignore": 3}
    assert found["channel_names"] == {"0": "noNorm", "1": "noNorm"}
    assert len(list((tmp_path / "imagesTr").iterdir())) == 2


def test_a_case_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'empty' has no labelled voxel"):
        raw.write(tmp_path, {"empty": unlabelled()}, {"empty": (1, 1, 1)}, CLASSES)


def test_the_fingerprint_is_in_the_order_of_the_axes() -> None:
    found = raw.fingerprint({"a": annotated(shape=(14, 15, 16))}, {"a": (3, 2, 1)})
    assert (found["spacings"], found["shapes_after_crop"]) == ([[3, 2, 1]], [[14, 15, 16]])


def held(*classes: int) -> Annotated:
    labels = np.array([[[*classes, IGNORE]]], dtype=np.uint8)
    return Annotated(np.zeros((1, *labels.shape), np.float32), [Part((0, 0, 0), labels)])


def test_each_case_is_validated_once_and_never_trained_with_there() -> None:
    cases = {f"case {n}": held(0, n % 3) for n in range(11)}
    found = raw.folds(cases, 4)
    assert sorted(case for fold in found for case in fold["val"]) == sorted(cases)
    for fold in found:
        assert sorted([*fold["train"], *fold["val"]]) == sorted(cases)
    sizes = [len(fold["val"]) for fold in found]
    assert max(sizes) - min(sizes) <= 1


def test_a_class_in_two_cases_is_in_the_training_part_of_every_fold() -> None:
    cases = {name: held(0, 2) if name in "cg" else held(0, 1) for name in "abcdefghij"}
    for fold in raw.folds(cases, 5):
        assert {"c", "g"} & set(fold["train"])


@pytest.mark.parametrize("members", [1, 3])
def test_too_few_cases_are_refused(tmp_path: Path, members: int) -> None:
    cases = {str(n): annotated() for n in range(members - 1)}
    with pytest.raises(InputError, match=f"{members} members need labels in as many cases"):
        train(
            cases, dict.fromkeys(cases, (1, 1, 1)), CLASSES, tmp_path, Settings(steps=1, members=members), 0
        )


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    with pytest.raises(OptionsError, match=r"pip install 'queryloop\[nnunet\]'"), environment.prepared():
        pass
