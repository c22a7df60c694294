"""Partly labelled cases as a raw data set of nnU-Net."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from queryloop.errors import InputError
from queryloop.training.volumes.cases import Annotated, known
from queryloop.voxels import IGNORE

NUMBER, NAME = 1, "Dataset001_queryloop"

_PREPARED = "noNorm"  # nnU-Net's name for a channel whose intensities stay as they are
_ENDING = ".nii.gz"


def write(
    folder: Path,
    cases: Mapping[str, Annotated],
    spacings: Mapping[str, Sequence[float]],
    classes: Sequence[str],
) -> None:
    """Images and labels of the cases in `folder`, voxels without label as the class behind the last one.

    Intensities are left as they are, for the images are normalised. spacings: (z, y, x) in millimetres, by
    case. classes: names, the background first. Raises InputError for a case without any label, whose
    patches could teach nothing.
    """
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for case, content in cases.items():
        labels = _labels(case, content, len(classes))
        _save(folder / "labelsTr" / f"{case}{_ENDING}", labels, spacings[case])
        for number, channel in enumerate(content.image):
            path = folder / "imagesTr" / f"{case}_{number:04d}{_ENDING}"
            _save(path, np.asarray(channel, np.float32), spacings[case])
    names = {name: number for number, name in enumerate(["background", *classes[1:], "ignore"])}
    described = {
        "channel_names": dict.fromkeys(map(str, range(n_channels(cases))), _PREPARED),
        "labels": names,
        "numTraining": len(cases),
        "file_ending": _ENDING,
    }
    (folder / "dataset.json").write_text(json.dumps(described))


def fingerprint(cases: Mapping[str, Annotated], spacings: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """What nnU-Net would measure of the cases before it plans; intensities stay, so they do not matter."""
    return {
        "spacings": [[float(step) for step in spacings[case]] for case in cases],
        "shapes_after_crop": [list(content.image.shape[1:]) for content in cases.values()],
        "foreground_intensity_properties_per_channel": {str(c): {} for c in range(n_channels(cases))},
        "median_relative_size_after_cropping": 1.0,
    }


def n_channels(cases: Mapping[str, Annotated]) -> int:
    """Of the images; all have as many."""
    return len(next(iter(cases.values())).image)


def folds(cases: Mapping[str, Annotated], n: int) -> list[dict[str, list[str]]]:
    """Cases to train and to validate with, n times, each case once in `val`: nnU-Net's splits_final.json.

    The cases that share the rarest class are dealt out first, so that it is in as many folds as can be.
    cases: n or more.
    """
    held = {case: _classes(content) for case, content in cases.items()}
    counts = {c: sum(c in of for of in held.values()) for c in set().union(*held.values())}
    dealt = sorted(cases, key=lambda case: min((counts[c], c) for c in held[case]))
    return [
        {"train": sorted(set(cases) - set(dealt[fold::n])), "val": sorted(dealt[fold::n])}
        for fold in range(n)
    ]


def _classes(content: Annotated) -> set[int]:
    return {int(c) for part in content.parts for c in np.unique(part.labels)} - {IGNORE}


def _labels(case: str, content: Annotated, ignore: int) -> np.ndarray:
    z, y, x = content.image.shape[1:]
    labels = known(content.parts, (0, 0, 0), (z, y, x))
    if (labels == IGNORE).all():
        raise InputError(f"case {case!r} has no labelled voxel: leave it out.")
    return np.where(labels == IGNORE, ignore, labels).astype(np.uint8)


def _save(path: Path, array: np.ndarray, spacing: Sequence[float]) -> None:
    """array: (Z, Y, X); files have their axes the other way round."""
    affine = np.diag([*reversed([float(step) for step in spacing]), 1.0])
    nibabel.save(nibabel.Nifti1Image(array.T, affine), path)
