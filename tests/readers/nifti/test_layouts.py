"""The layouts of the Medical Segmentation Decathlon and of nnU-Net: which files, classes and channels."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from queryloop.errors import BrokenFileError, MissingFilesError, OptionsError
from queryloop.options import DataOptions
from queryloop.readers import registry
from queryloop.samples import ids_in, split
from queryloop.voxels import IGNORE, TRUTH

from .files import (
    RAS,
    SHAPE,
    decathlon,
    hold_out,
    mask,
    nnunet,
    read,
    save,
    scan,
    without_labels,
    write_json,
)

LAYOUTS = pytest.mark.parametrize("layout", [decathlon, nnunet])


def refused(folder: Path) -> str:
    with pytest.raises(BrokenFileError) as caught:
        list(read(folder).volumes())
    return str(caught.value)


@LAYOUTS
def test_cases_come_with_classes_channels_and_voxels(layout: Callable[..., Path], tmp_path: Path) -> None:
    found = read(layout(tmp_path), normalisation="none")
    assert found.classes == ("background", "front", "back")
    assert found.channels == ("MRI",)
    assert found.samples.to_numpy().tolist() == [[f"a{i}", TRUTH, "train"] for i in range(3)]
    for i, volume in enumerate(found.volumes()):
        assert volume.case is found.cases[i]
        assert (volume.image.dtype, volume.labels.dtype) == (np.float32, np.uint8)
        np.testing.assert_array_equal(volume.image, scan(i).T[None])
        np.testing.assert_array_equal(volume.labels, mask(i).T)
        assert volume.free is None
        assert volume.native_labels is None


@LAYOUTS
def test_several_channels_are_read_in_their_order(layout: Callable[..., Path], tmp_path: Path) -> None:
    found = read(layout(tmp_path, channels=("T1", "T2", "FLAIR")), normalisation="none")
    for i, volume in enumerate(found.volumes()):
        np.testing.assert_array_equal(volume.image, scan(i, (*SHAPE, 3)).T)


def test_unpacked_files_and_files_below_the_own_folder_of_a_data_set(tmp_path: Path) -> None:
    assert len(read(nnunet(tmp_path / "own", ending=".nii")).cases) == 3
    decathlon(tmp_path / "Task04_Hippocampus")
    assert len(read(tmp_path, "hippocampus").cases) == 3


def big_endian(voxels: np.ndarray) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image(voxels, RAS, nibabel.Nifti1Header(endianness=">"))


def scaled(voxels: np.ndarray) -> nibabel.Nifti1Image:
    image = nibabel.Nifti1Image(voxels.astype(np.float32), RAS)
    image.set_data_dtype(np.int16)  # with slope and intercept in the header
    return image


def by_quaternion(voxels: np.ndarray) -> nibabel.Nifti1Image:
    image = nibabel.Nifti1Image(voxels, None)
    image.set_qform(RAS, code=1)
    return image


KINDS = [lambda voxels: nibabel.Nifti2Image(voxels, RAS), big_endian, scaled, by_quaternion]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_nifti_is_read(tmp_path: Path, kind: Callable[[np.ndarray], Any]) -> None:
    kind(scan()).to_filename(nnunet(tmp_path, 1) / "imagesTr/a0_0000.nii.gz")
    (volume,) = read(tmp_path, normalisation="none").volumes()
    np.testing.assert_allclose(volume.image[0], scan().T, atol=0.05)


def test_ignore_label_and_free_labels_become_255(tmp_path: Path) -> None:
    labels = {"background": 0, "front": 1, "back": 2, "ignore": 3}
    found = nnunet(tmp_path, 2, labels=labels)
    partial = mask(n_classes=4)
    save(found / "labelsTr/a0.nii.gz", partial)
    free = np.where(mask(1) == 0, 255, mask(2, n_classes=4)).astype(np.uint8)
    save(found / "addTr/a0.nii.gz", free)
    first, second = read(found).volumes()
    np.testing.assert_array_equal(first.labels, np.where(partial == 3, IGNORE, partial).T)
    assert first.free is not None
    np.testing.assert_array_equal(first.free, np.where(free == 3, IGNORE, free).T)
    assert second.free is None
    assert "ignore" not in read(found).classes


def test_hidden_files_of_archives_are_no_cases(tmp_path: Path) -> None:
    for layout in (decathlon, nnunet):
        folder = layout(tmp_path / layout.__name__)
        (folder / "imagesTr" / "._a0.nii.gz").write_bytes(b"\0")
        assert len(read(folder).cases) == 3


def test_files_outside_of_the_list_are_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(decathlon(tmp_path) / "imagesTr/more.nii.gz", scan())
    with caplog.at_level(logging.WARNING, "queryloop"):
        assert len(read(tmp_path).cases) == 3
    assert "1 files are not in its list" in caplog.text
    assert "imagesTr/more.nii.gz" in caplog.text


@pytest.mark.parametrize("gone", ["dataset.json", "imagesTr/a1.nii.gz", "labelsTr/a2.nii.gz"])
def test_missing_files_of_the_decathlon_are_named(tmp_path: Path, gone: str) -> None:
    (decathlon(tmp_path) / gone).unlink()
    with pytest.raises(MissingFilesError, match=gone) as caught:
        read(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "raw_root:PATH" in str(caught.value)


def test_missing_hippocampus_tells_place_and_command(tmp_path: Path) -> None:
    with pytest.raises(MissingFilesError) as caught:
        registry.find("hippocampus").source(tmp_path)
    for fragment in (str(tmp_path / "Task04_Hippocampus"), "dataset.json", "download_and_extract_archive"):
        assert fragment in str(caught.value)


def test_a_label_without_image_is_refused(tmp_path: Path) -> None:
    (nnunet(tmp_path) / "imagesTr/a1_0000.nii.gz").unlink()
    told = refused(tmp_path)
    assert (
        f"{tmp_path}: 1 files have no partner: labelsTr/a1.nii.gz has no image imagesTr/a1_0000.nii.gz"
        in told
    )


@LAYOUTS
def test_scans_without_labels_are_refused_unless_they_are_the_pool(
    layout: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = refused(without_labels(layout(tmp_path), "a1"))
    assert f"{tmp_path}: 1 scans have no labels: a1." in told
    assert "data.unlabelled:true,start.sampler:random,start.all_classes:false,oracle.name:people" in told
    found = read(tmp_path, unlabelled=True)
    samples = found.samples.set_index("sample_id")
    assert samples["split"].to_dict() == {"a1": "train"} | dict.fromkeys(samples.index.drop("a1"), "test")
    assert samples["label"].isna().tolist() == (samples.index == "a1").tolist()
    with caplog.at_level(logging.INFO, "queryloop"):
        labels = {volume.case.sample_id: volume.labels for volume in found.volumes()}
    assert "no foreground" not in caplog.text
    assert (labels["a1"] == IGNORE).all()
    assert not any((labels[case] == IGNORE).all() for case in samples.index.drop("a1"))


@LAYOUTS
def test_without_any_labels_nothing_could_be_tested(layout: Callable[..., Path], tmp_path: Path) -> None:
    without_labels(layout(tmp_path), "a0", "a1", "a2")
    with pytest.raises(BrokenFileError, match=r"none of 3 scans has labels.*label a few whole scans"):
        read(tmp_path, unlabelled=True)


def test_the_test_set_of_nnactive_is_held_out(tmp_path: Path) -> None:
    hold_out(nnunet(tmp_path), "a1")
    found = read(tmp_path, normalisation="none", test="auto")
    assert found.samples["split"].tolist() == ["train", "test", "train"]
    parts = split(found.samples, DataOptions(test="auto"), 0)
    assert ids_in(parts, "test").tolist() == ["a1"]
    for i, volume in enumerate(found.volumes()):
        np.testing.assert_array_equal(volume.image, scan(i).T[None])
        np.testing.assert_array_equal(volume.labels, mask(i).T)


def test_a_test_set_without_labels_or_twice_there_is_refused(tmp_path: Path) -> None:
    hold_out(nnunet(tmp_path), "a1")
    save(tmp_path / "labelsVal/b.nii.gz", mask())
    assert "labelsVal/b.nii.gz has no image imagesVal/b_0000.nii.gz" in refused(tmp_path)
    save(tmp_path / "imagesVal/b_0000.nii.gz", scan())
    save(tmp_path / "imagesTr/b_0000.nii.gz", scan())
    assert "1 cases occur more than once: b." in refused(tmp_path)
    (tmp_path / "labelsVal/b.nii.gz").unlink()
    assert f"{tmp_path / 'imagesVal'}: 1 scans have no labels: b. They are the test set" in refused(tmp_path)


def test_free_labels_without_image(tmp_path: Path) -> None:
    save(nnunet(tmp_path) / "addTr/b.nii.gz", mask())
    assert "addTr/b.nii.gz has no image imagesTr/b_0000.nii.gz" in refused(tmp_path)


def test_missing_and_extra_channels_are_named(tmp_path: Path) -> None:
    folder = nnunet(tmp_path, channels=("T1", "T2"))
    (folder / "imagesTr/a0_0001.nii.gz").unlink()
    save(folder / "imagesTr/a2_0002.nii.gz", scan())
    told = refused(folder)
    for fragment in ("channels of 2 cases", "T1, T2", "a0 lacks channel 0001 (T2)", "a2 has channel 0002"):
        assert fragment in told


def test_name_without_channel_is_refused(tmp_path: Path) -> None:
    save(nnunet(tmp_path) / "imagesTr/b.nii.gz", scan())
    told = refused(tmp_path)
    assert f"{tmp_path / 'imagesTr/b.nii.gz'}: expected a name like CASE_0000.nii.gz" in told


def test_cases_that_occur_twice_are_named(tmp_path: Path) -> None:
    pair = {"image": "./imagesTr/a1.nii.gz", "label": "./labelsTr/a1.nii.gz"}
    decathlon(tmp_path, 2, training=[pair, pair, {"image": "more/a1.nii.gz", "label": "labelsTr/a1.nii.gz"}])
    assert "1 cases occur more than once: a1." in refused(tmp_path)


DESCRIPTIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({"labels": {"background": 0, "front": 2}}, ["labels are 0, 2"]),
    ({"labels": {"background": 0}}, ["labels are 0,"]),
    ({"labels": {"1": "front", "2": "back"}}, ["labels are 1, 2"]),
    ({"labels": {"background": 0, "front": 1, "ignore": 3}}, ["label to ignore is 3, expected 2"]),
    ({"labels": {"background": 0, "both": [1, 2], "back": 2}}, ["'both' is a region", "class of its own"]),
    ({"labels": {"background": 0, "front": "one"}}, ["label 'front' is 'one'"]),
    ({"labels": {"0": "background", "1": "front", "2": "front"}}, ["same name", "front, front"]),
    ({"labels": [0, 1]}, ["labels: "]),
    ({"channel_names": {"1": "MRI"}}, ["channels are numbered 1, expected 0"]),
    ({"channel_names": {}}, ["channels are numbered"]),
    ({"file_ending": ".mha"}, ["file_ending is '.mha'", "convert"]),
    ({"file_ending": None}, ["neither file_ending", "training"]),
]


@pytest.mark.parametrize(("changed", "told"), DESCRIPTIONS)
def test_description_that_cannot_be_is_refused(
    tmp_path: Path, changed: dict[str, Any], told: list[str]
) -> None:
    message = refused(nnunet(tmp_path, 1, **changed))
    for fragment in [str(tmp_path / "dataset.json"), *told]:
        assert fragment in message


def test_description_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (nnunet(tmp_path, 1) / "dataset.json").write_text("{labels:")
    assert str(tmp_path / "dataset.json") in refused(tmp_path)


def test_description_in_another_encoding(tmp_path: Path) -> None:
    path = nnunet(tmp_path) / "dataset.json"
    text = path.read_text()
    path.write_text(text, encoding="utf-8-sig")
    assert len(read(tmp_path).cases) == 3
    path.write_text(text, encoding="utf-16")
    with pytest.raises(BrokenFileError, match=r"dataset\.json: is no text in UTF-8: save it in that"):
        read(tmp_path)


def test_folder_without_cases_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path, modality={"0": "CT"}, labels={"0": "background", "1": "a"}, training=[])
    assert "there are no training cases" in refused(tmp_path)


def test_list_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    outside = save(tmp_path / "outside.nii.gz", scan(), RAS)
    pair = {"image": "../outside.nii.gz", "label": "./labelsTr/a0.nii.gz"}
    assert "leads out of this folder" in refused(decathlon(tmp_path / "own", 1, training=[pair]))
    assert outside.exists()


def test_a_small_data_set_is_a_part_of_a_larger_one(tmp_path: Path) -> None:
    whole = [set(read(decathlon(tmp_path), cases=n).samples["sample_id"]) for n in (1, 2, 3)]
    assert [len(ids) for ids in whole] == [1, 2, 3]
    assert whole[0] < whole[1] < whole[2]
    with pytest.raises(OptionsError, match=r"data.cases is 4, but .* holds 3 scans: 3 or fewer"):
        read(tmp_path, cases=4)


def test_a_small_data_set_keeps_its_share_of_a_fixed_test_set(tmp_path: Path) -> None:
    nnunet(tmp_path, 8)
    for case_id in ("a2", "a5"):
        hold_out(tmp_path, case_id)
    drawn = [read(tmp_path, cases=n).samples.set_index("sample_id")["split"] for n in range(2, 9)]
    assert [int((splits == "test").sum()) for splits in drawn] == [1, 1, 1, 1, 2, 2, 2]
    for smaller, larger in pairwise(drawn):
        assert set(smaller.index) < set(larger.index)
