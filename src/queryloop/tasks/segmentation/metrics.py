"""How good label maps of volumes are: overlap and distance of surfaces, by class and case."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from queryloop.errors import InputError
from queryloop.voxels import IGNORE


class Case(NamedTuple):
    """Of one case, an array over the foreground classes each, (K - 1,).

    dice: in [0, 1], NaN where a class is in neither map. surface_distance: average symmetric distance of
    the surfaces, in the units of the spacing; NaN where a class is missing from either map.
    """

    dice: np.ndarray
    surface_distance: np.ndarray


def measured(predicted: np.ndarray, truth: np.ndarray, n_classes: int, spacing: Sequence[float]) -> Case:
    """Compare two label maps of one case, both on its native grid, in any order of axes.

    spacing: of a voxel, in the same order. Voxels whose truth is IGNORE do not count. Raises InputError
    for maps of different shape.
    """
    if predicted.shape != truth.shape:
        raise InputError(
            f"the predicted labels have shape {predicted.shape}, but the true ones {truth.shape}."
        )
    given = np.where(truth == IGNORE, 0, predicted)
    true = np.where(truth == IGNORE, 0, truth)
    return Case(dice(given, true, n_classes), surface_distance(given, true, n_classes, spacing))


def dice(predicted: np.ndarray, truth: np.ndarray, n_classes: int) -> np.ndarray:
    """2 |A and B| / (|A| + |B|) of each foreground class: (K - 1,), NaN where both are empty."""
    pairs = np.bincount(
        truth.ravel().astype(np.int64) * n_classes + predicted.ravel(), minlength=n_classes**2
    ).reshape(n_classes, n_classes)
    sizes = (pairs.sum(axis=0) + pairs.sum(axis=1))[1:].astype(float)
    return np.divide(2 * pairs.diagonal()[1:], sizes, out=np.full(n_classes - 1, np.nan), where=sizes > 0)


def surface_distance(
    predicted: np.ndarray, truth: np.ndarray, n_classes: int, spacing: Sequence[float]
) -> np.ndarray:
    """Mean distance of either surface's voxels to the other surface: (K - 1,), NaN where one is empty."""
    from monai.metrics import compute_average_surface_distance  # takes seconds

    given, true = (
        torch.from_numpy(np.stack([labels == c for c in range(n_classes)]))[None]
        for labels in (predicted, truth)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class that is in one of the maps only
        found = compute_average_surface_distance(given, true, symmetric=True, spacing=list(spacing))
    distances = found[0].double().numpy()
    return np.where(np.isfinite(distances), distances, np.nan)


def summary(cases: Sequence[Case], classes: Sequence[str]) -> dict[str, float]:
    """Means over the cases: `dice`, `surface_distance`, and each with `_<class>`.

    classes: names, the background first. A class's mean leaves out the cases where it is NaN; the overall
    mean is that of the classes, as nnU-Net's foreground mean. NaN where there is nothing to average.
    """
    found: dict[str, float] = {}
    for name in Case._fields:
        by_class = [_mean([getattr(case, name)[i] for case in cases]) for i in range(len(classes) - 1)]
        found[name] = _mean(by_class)
        found |= {f"{name}_{label}": value for label, value in zip(classes[1:], by_class, strict=True)}
    return found


def _mean(values: Sequence[float]) -> float:
    present = [value for value in values if not np.isnan(value)]
    return float(np.mean(present)) if present else float("nan")
