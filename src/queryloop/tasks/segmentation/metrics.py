"""How good label maps of volumes are: overlap and distance of surfaces, by class and case."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import find_objects

from queryloop.errors import InputError
from queryloop.voxels import IGNORE


class Case(NamedTuple):
    """Of one case, an array over the foreground classes each, (K - 1,).

    dice: in [0, 1], NaN where a class is in neither map. surface_distance: average symmetric distance of
    the surfaces, in the units of the spacing; NaN where a class is missing from either map, and in a case
    of which not all voxels are labelled.
    """

    dice: np.ndarray
    surface_distance: np.ndarray


def measured(predicted: np.ndarray, truth: np.ndarray, n_classes: int, spacing: Sequence[float]) -> Case:
    """Compare two label maps of one case, both on its native grid, in any order of axes.

    spacing: of a voxel, in the same order. Voxels whose truth is IGNORE do not count; where there are any,
    nobody knows where surfaces lie. Raises InputError for maps of different shape.
    """
    if predicted.shape != truth.shape:
        raise InputError(
            f"the predicted labels have shape {predicted.shape}, but the true ones {truth.shape}."
        )
    voxels = pairs(predicted, truth, n_classes)
    if voxels.sum() < truth.size:
        return Case(dice(voxels), np.full(n_classes - 1, np.nan))
    return Case(dice(voxels), surface_distance(predicted, truth, n_classes, spacing))


def pairs(predicted: np.ndarray, truth: np.ndarray, n_classes: int) -> np.ndarray:
    """Voxels of each true class (rows) and predicted one (columns), (K, K); none whose truth is IGNORE."""
    found = np.zeros(n_classes**2, dtype=np.int64)
    for given, true in zip(predicted, truth, strict=True):  # plane by plane: counting takes 8 bytes a voxel
        known = true != IGNORE
        both = true[known].astype(np.int64) * n_classes + given[known]
        found += np.bincount(both, minlength=n_classes**2)
    return found.reshape(n_classes, n_classes)


def dice(voxels: np.ndarray) -> np.ndarray:
    """2 |A and B| / (|A| + |B|) of each foreground class: (K - 1,), NaN where both are empty.

    voxels: (K, K), as `pairs` counts them.
    """
    sizes = (voxels.sum(axis=0) + voxels.sum(axis=1))[1:].astype(float)
    return np.divide(2 * voxels.diagonal()[1:], sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)


def surface_distance(
    predicted: np.ndarray, truth: np.ndarray, n_classes: int, spacing: Sequence[float]
) -> np.ndarray:
    """Mean distance of either surface's voxels to the other surface: (K - 1,), NaN where one is empty.

    Of a case with one slice in its plane: there every voxel would be one of the surface.
    """
    thick = [axis for axis, n in enumerate(truth.shape) if n > 1]
    if len(thick) == 2:
        predicted, truth = predicted.squeeze(), truth.squeeze()
        spacing = [spacing[axis] for axis in thick]
    distances = np.full(n_classes - 1, np.nan)
    where = zip(*(find_objects(labels, n_classes - 1) for labels in (predicted, truth)), strict=True)
    for c, (one, other) in enumerate(where, start=1):
        if one is not None and other is not None:
            sides = zip(one, other, strict=True)
            both = tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in sides)
            distances[c - 1] = _distance(predicted[both] == c, truth[both] == c, spacing)
    return distances


def _distance(predicted: np.ndarray, truth: np.ndarray, spacing: Sequence[float]) -> float:
    """Of two masks, neither of them empty, that are nowhere beyond their array."""
    from monai.metrics import compute_average_surface_distance  # takes seconds

    given, true = (torch.from_numpy(mask)[None, None] for mask in (predicted, truth))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of an argument that monai gives itself
        found = compute_average_surface_distance(
            given, true, include_background=True, symmetric=True, spacing=list(spacing)
        )
    return float(found)


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
