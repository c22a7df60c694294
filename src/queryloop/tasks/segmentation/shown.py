"""What pictures of boxes are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box
from queryloop.voxels import IGNORE, Triple

if TYPE_CHECKING:
    from queryloop.tasks.segmentation.scans import Scans


@dataclass(frozen=True, eq=False)
class ShownScan:
    """A case as it is drawn, in the grid of the store; arrays may be memory maps, of which planes are read.

    image: (Z, Y, X), one channel. spacing: of a voxel, (z, y, x), in millimetres. predicted, truth:
    (Z, Y, X) uint8, none where not known; IGNORE is a voxel without label.
    """

    image: np.ndarray
    spacing: Sequence[float]
    predicted: np.ndarray | None = None
    truth: np.ndarray | None = None

    @property
    def shape(self) -> Triple:
        """(Z, Y, X)."""
        z, y, x = self.image.shape
        return z, y, x

    def extent(self, size: Sequence[int]) -> list[float]:
        """Millimetres (z, y, x) of so many voxels."""
        return [n * step for n, step in zip(size, self.spacing, strict=True)]


class Shown(NamedTuple):
    """The boxes of a query and the labelled ones, and the cases they lie in.

    predicted, plain: a case with truth, with and without prediction. captions: one row a box asked for, as
    `query`. classes: names, the background first. n_cases: of the whole pool.
    """

    predicted: Callable[[str], ShownScan]
    plain: Callable[[str], ShownScan]
    asked: Sequence[Box]
    captions: pd.DataFrame
    labelled: Sequence[Box]
    classes: Sequence[str]
    n_cases: int


def scan_of(scans: Scans, case: str, labels: Callable[[str], np.ndarray] | None = None) -> ShownScan:
    """A case as it is drawn; labels: the prediction, if it is wanted."""
    truth = scans.labels(case)
    return ShownScan(
        image=scans.image(case)[0],
        spacing=scans.cases[case].spacing,
        predicted=None if labels is None else labels(case),
        truth=None if (truth == IGNORE).all() else truth,
    )
