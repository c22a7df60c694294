"""A team with scans of which only the test set has labels: the whole way that the docs show."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from .tiny import Tiny

QUICK = "model.width:4,model.patch:8,training.min_steps:4,start.size:3,query.size:2,query.box:6,n_cycles:1"
POOL = "data.unlabelled:true,start.sampler:random,start.all_classes:false,oracle.name:people"
ENTROPY = {"strategy": "entropy", "dataset": "nifti"}
LABELLED, BLOCK = ("c6", "c7"), 2


def labels() -> np.ndarray:
    """What is in every scan."""
    found = np.zeros((16, 14, 12), np.uint8)
    found[3:13, 3:11, 3:9] = 1
    return found


def image(number: int) -> np.ndarray:
    noise = np.random.default_rng(number).standard_normal(labels().shape)
    return (100 * labels() + 10 * noise).astype(np.float32)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Eight scans in the layout of nnU-Net, two with labels."""
    folder = tmp_path / "raw"
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for number in range(8):
        scan = nibabel.Nifti1Image(image(number), np.eye(4))
        nibabel.save(scan, folder / "imagesTr" / f"c{number}_0000.nii.gz")
    for case in LABELLED:
        nibabel.save(nibabel.Nifti1Image(labels(), np.eye(4)), folder / "labelsTr" / f"{case}.nii.gz")
    content = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "organ": 1},
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def draw(path: Path) -> None:
    """The truth into all boxes of a scan, as a person does."""
    before = nibabel.load(path)
    voxels = np.asanyarray(before.dataobj).copy()
    asked = voxels == BLOCK
    voxels[asked] = labels()[asked]
    nibabel.save(nibabel.Nifti1Image(voxels, before.affine), path)


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return Tiny.create(tmp_path / "project")


def test_the_message_shows_the_whole_way_and_all_labels_are_for_testing(
    tiny: Tiny, raw: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = f"strategy:entropy,raw_root:{raw},{QUICK}"
    refused = tiny.run(given, "--env=nifti")
    assert refused.exit_code == 1
    assert "6 scans have no labels: c0, c1, c2, c3, c4" in refused.output
    assert POOL in refused.output
    done = tiny.run(f"{given},{POOL}", "--env=nifti")
    assert done.exit_code == 0, done.output
    assert "waiting for 3 answers, 0 are in" in caplog.text
    splits = tiny.load("splits", **ENTROPY).set_index("sample_id")["split"]
    assert splits.to_dict() == {f"c{n}": "test" if f"c{n}" in LABELLED else "train" for n in range(8)}


@pytest.mark.slow
def test_people_label_boxes_of_scans_without_labels(tiny: Tiny, raw: Path, tmp_path: Path) -> None:
    run = (f"strategy:entropy,raw_root:{raw},{QUICK},{POOL}", "--env=nifti")
    assert tiny.run(*run).exit_code == 0
    flags = ("--env=nifti", f"--params=strategy:entropy,raw_root:{raw},data.unlabelled:true")
    assert tiny.al("ask", "--out", str(tmp_path / "asked"), *flags).exit_code == 0
    for path in (tmp_path / "asked" / "masks").iterdir():
        draw(path)
    told = tiny.al("tell", str(tmp_path / "asked"), *flags)
    assert told.exit_code == 0, told.output
    done = tiny.run(*run)
    assert done.exit_code == 0, done.output
    assert tiny.load("metrics", **ENTROPY)["dice"].between(0, 1).all()
