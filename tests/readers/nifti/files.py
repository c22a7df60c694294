"""Tiny scans in the true format, as the Decathlon and nnU-Net lay them out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from queryloop.options import DataOptions
from queryloop.readers import registry
from queryloop.readers.volumes import VolumeSet

RAS = np.diag([1.0, 1.0, 1.0, 1.0])
SHAPE = (5, 6, 7)


def scan(seed: int = 0, shape: Sequence[int] = SHAPE) -> np.ndarray:
    """Intensities as scanners store them."""
    return np.random.default_rng(seed).integers(-1000, 3000, tuple(shape)).astype(np.int16)


def mask(seed: int = 0, shape: Sequence[int] = SHAPE, n_classes: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, n_classes, tuple(shape)).astype(np.uint8)


def save(path: Path, voxels: np.ndarray, affine: np.ndarray = RAS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
    return path


def write_json(folder: Path, **content: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.json").write_text(json.dumps(content))


def decathlon(folder: Path, n: int = 3, channels: Sequence[str] = ("MRI",), **changed: Any) -> Path:
    """Cases a0, a1, ... of the Decathlon's layout; `changed` replaces keys of dataset.json."""
    pairs = []
    for i in range(n):
        shape = (*SHAPE, len(channels)) if len(channels) > 1 else SHAPE
        save(folder / "imagesTr" / f"a{i}.nii.gz", scan(i, shape))
        save(folder / "labelsTr" / f"a{i}.nii.gz", mask(i))
        pairs.append({"image": f"./imagesTr/a{i}.nii.gz", "label": f"./labelsTr/a{i}.nii.gz"})
    labels = {"0": "background", "1": "front", "2": "back"}
    names = {str(i): name for i, name in enumerate(channels)}
    write_json(folder, **{"modality": names, "labels": labels, "training": pairs, **changed})
    return folder


def nnunet(
    folder: Path, n: int = 3, channels: Sequence[str] = ("MRI",), ending: str = ".nii.gz", **changed: Any
) -> Path:
    """The same cases in nnU-Net's layout."""
    for i in range(n):
        voxels = scan(i, (*SHAPE, len(channels)) if len(channels) > 1 else SHAPE).reshape(*SHAPE, -1)
        for channel in range(len(channels)):
            save(folder / "imagesTr" / f"a{i}_{channel:04d}{ending}", voxels[..., channel])
        save(folder / "labelsTr" / f"a{i}{ending}", mask(i))
    labels = {"background": 0, "front": 1, "back": 2}
    names = {str(i): name for i, name in enumerate(channels)}
    write_json(folder, **{"channel_names": names, "labels": labels, "file_ending": ending, **changed})
    return folder


def without_labels(folder: Path, *case_ids: str) -> Path:
    """Some cases of a data set lose their labels."""
    for case_id in case_ids:
        (folder / "labelsTr" / f"{case_id}.nii.gz").unlink()
    content = json.loads((folder / "dataset.json").read_text())
    for pair in content.get("training", []):
        if Path(pair["image"]).name.removesuffix(".nii.gz") in case_ids:
            del pair["label"]
    write_json(folder, **content)
    return folder


def hold_out(folder: Path, case_id: str) -> None:
    """As nnActive moves its test set."""
    for kind, name in (("images", f"{case_id}_0000"), ("labels", case_id)):
        (folder / f"{kind}Val").mkdir(exist_ok=True)
        (folder / f"{kind}Tr" / f"{name}.nii.gz").rename(folder / f"{kind}Val" / f"{name}.nii.gz")


def read(raw_root: Path, name: str = "nifti", **options: Any) -> VolumeSet:
    """Reading as the ingest step does it."""
    given = DataOptions(**options)
    dataset = registry.find(name, given)
    found = dataset.read(dataset.source(raw_root), given)
    assert isinstance(found, VolumeSet)
    return found
