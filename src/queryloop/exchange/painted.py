"""What a file shows of the boxes that were asked for in one scan: answers, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from queryloop.boxes.box import Box
from queryloop.exchange.names import Labels
from queryloop.readers.volumes import Case
from queryloop.tasks.segmentation.space import Region, covering, in_file
from queryloop.voxels import IGNORE


def painted(case: Case, asked: Sequence[Box], answered: Labels) -> np.ndarray:
    """(x, y, z) uint8 in the grid of the file: the answers in their boxes, IGNORE in the others, 0 outside.

    answered: labels of some of the boxes in `asked`.
    """
    found = np.zeros(case.native.shape, np.uint8)
    for box in asked:
        if box not in answered:
            found[covering(box, case)] = IGNORE
    for box in asked:
        if box in answered:
            found[covering(box, case)] = in_file(answered[box], box, case)
    return found


def own_voxels(region: Region, others: Iterable[Region]) -> np.ndarray:
    """The voxels of a region that are in no other one, all if there are none; bool of its shape."""
    own = np.ones([side.stop - side.start for side in region], bool)
    for other in others:
        own[tuple(_shared(region, other))] = False
    return own if own.any() else np.ones_like(own)


def _shared(region: Region, other: Region) -> Iterable[slice]:
    for mine, their in zip(region, other, strict=True):
        yield slice(max(0, their.start - mine.start), max(0, their.stop - mine.start))
