"""What the picture of a queried box is drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box
from queryloop.tasks.segmentation.networks import Scans
from queryloop.tasks.segmentation.observer import Observer
from queryloop.tasks.segmentation.rows import boxes_of
from queryloop.voxels import IGNORE

MOST = 12
"""Boxes that are drawn, the best ones."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A queried box in its scan.

    image: (Z, Y, X) float32, the first channel. spacing: (z, y, x) of its voxels. predicted, truth:
    (Z, Y, X) uint8 class numbers; truth has IGNORE where nobody knows. rank: from 1. score: NaN where the
    strategy gives none.
    """

    box: Box
    image: np.ndarray
    spacing: tuple[float, float, float]
    predicted: np.ndarray
    truth: np.ndarray | None
    rank: int
    score: float


def shown(query: pd.DataFrame, scans: Scans, look: Observer) -> Iterator[Shown]:
    """The best boxes of a query, one after another; each scan is looked at once."""
    best = query.nsmallest(MOST, "rank")
    predicted = {case: look.labels(case) for case in {box.case for box in boxes_of(best)}}
    for box, rank, score in zip(boxes_of(best), best["rank"], best["score"], strict=True):
        truth = scans.labels(box.case)
        yield Shown(
            box=box,
            image=scans.image(box.case)[0],
            spacing=scans.cases[box.case].spacing,
            predicted=predicted[box.case],
            truth=None if (truth == IGNORE).all() else truth,
            rank=rank,
            score=score,
        )
