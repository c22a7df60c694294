"""How good a network is on labelled boxes that it did not learn from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from queryloop.boxes.sums import Sums
from queryloop.models.unet import UNet
from queryloop.tasks.segmentation.metrics import dice, pairs
from queryloop.training.compute import Compute
from queryloop.training.volumes.cases import Annotated, LabelledPart, known, patch, window
from queryloop.training.volumes.members import views
from queryloop.training.volumes.prediction import score
from queryloop.training.volumes.tiles import Tiling
from queryloop.voxels import IGNORE, Triple


def held_out_dice(
    network: UNet, cases: Iterable[Annotated], n_classes: int, size: Triple, compute: Compute
) -> float | None:
    """Mean Dice of the foreground classes over all labelled voxels of the cases taken together.

    size: of a patch, no less of which the network sees around a labelled part. A voxel of several parts
    counts once, by the last of them, from which training takes its label. None where no part holds
    foreground, and none is predicted.
    """
    voxels = np.zeros((n_classes, n_classes), dtype=np.int64)
    for case in cases:
        for number, part in enumerate(case.parts, start=1):
            later = known(case.parts[number:], part.corner, part.labels.shape)
            truth = np.where(later == IGNORE, part.labels, np.uint8(IGNORE))
            voxels += pairs(_classes(network, case.image, part, n_classes, size, compute), truth, n_classes)
    found = dice(voxels)
    return None if np.isnan(found).all() else float(np.nanmean(found))


def _classes(
    network: UNet, image: np.ndarray, part: LabelledPart, n_classes: int, size: Triple, compute: Compute
) -> np.ndarray:
    """The likeliest class of each voxel of a part, seen with as much around it as fills a patch."""
    z, y, x = (max(side, length) for side, length in zip(size, part.labels.shape, strict=True))
    margins = np.subtract((z, y, x), part.labels.shape)
    corner = window((part.corner - margins // 2).tolist(), (z, y, x), image.shape[1:])
    sums = Sums(n_classes, (z, y, x), None)
    score(patch(image, corner, (z, y, x)), views([network]), Tiling(size), compute, sums)
    inside = zip(np.subtract(part.corner, corner).tolist(), part.labels.shape, strict=True)
    return sums.classes.numpy()[tuple(slice(first, first + n) for first, n in inside)]
