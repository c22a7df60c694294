"""Partly labelled cases as a raw data set of nnU-Net."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import nibabel
import numpy as np

from queryloop.errors import InputError
from queryloop.training.volumes.cases import Annotated, known
from queryloop.voxels import IGNORE, Triple

NUMBER, NAME = 1, "Dataset001_queryloop"

_PREPARED = "noNorm"  # nnU-Net's name for a channel whose intensities stay as they are
_ENDING = ".nii.gz"


class Layout(Protocol):
    """How a case lies in the store, axes (z, y, x), in voxels and millimetres."""

    @property
    def shape(self) -> Triple:
        """Voxels."""

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Of a voxel."""


def write(
    folder: Path,
    cases: Mapping[str, Annotated],
    layouts: Mapping[str, Layout],
    classes: Sequence[str],
) -> None:
    """Images and labels of the cases in `folder`, voxels without label as the class behind the last one.

    Intensities are left as they are, for the images are normalised. layouts: of these cases, and of others
    that count when nnU-Net plans. classes: names, the background first. Raises InputError for a case without
    any label, whose patches could teach nothing.
    """
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for case, content in cases.items():
        labels = _labels(case, content, len(classes))
        _save(folder / "labelsTr" / f"{case}{_ENDING}", labels, layouts[case].spacing)
        for number, channel in enumerate(content.image):
            path = folder / "imagesTr" / f"{case}_{number:04d}{_ENDING}"
            _save(path, np.asarray(channel, np.float32), layouts[case].spacing)
    names = {name: number for number, name in enumerate(["background", *classes[1:], "ignore"])}
    described = {
        "channel_names": dict.fromkeys(map(str, range(n_channels(cases))), _PREPARED),
        "labels": names,
        "numTraining": len(layouts),
        "file_ending": _ENDING,
    }
    (folder / "dataset.json").write_text(json.dumps(described))


def fingerprint(layouts: Mapping[str, Layout], channels: int) -> dict[str, Any]:
    """What nnU-Net would measure of the cases before it plans; intensities stay, so they do not matter."""
    return {
        "spacings": [[float(step) for step in found.spacing] for found in layouts.values()],
        "shapes_after_crop": [list(found.shape) for found in layouts.values()],
        "foreground_intensity_properties_per_channel": {str(c): {} for c in range(channels)},
        "median_relative_size_after_cropping": 1.0,
    }


def n_channels(cases: Mapping[str, Annotated]) -> int:
    """Of the images; all have as many."""
    return len(next(iter(cases.values())).image)


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
