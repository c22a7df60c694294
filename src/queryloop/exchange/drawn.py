"""Labels of boxes that a person drew into a file of the whole scan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from queryloop.boxes.box import Box
from queryloop.errors import BrokenFileError
from queryloop.exchange.names import Labels, not_labelled
from queryloop.exchange.painted import own_voxels, painted
from queryloop.readers.grid import image_to_store, labels_to_store
from queryloop.readers.nifti import file
from queryloop.readers.volumes import Case
from queryloop.tasks.segmentation.space import Region, covering
from queryloop.voxels import IGNORE


def read_drawn(
    path: Path,
    case: Case,
    classes: tuple[str, ...],
    asked: Sequence[Box],
    before: Labels,
    answered: Labels = MappingProxyType({}),
) -> dict[Box, np.ndarray]:
    """Labels of the boxes in `asked` that somebody filled in, uint8 of their size in the store's grid.

    The file has the grid of the scan; in a box the numbers of classes, or the one after the last class (or
    255) in voxels that stay without a label. A box of nothing else was not filled in and is left out.
    answered: labels that some of them have; a box that shows these, as `painted` does, keeps them. before:
    other boxes of the case with the labels that they have, which the file may repeat. Raises BrokenFileError
    for another shape or affine, unknown labels, labels outside of boxes, and other ones than before.
    """
    file.check_same(path, file.grid(path), f"the scan of {case.sample_id}", case.native)
    drawn = file.labels(path, classes, [not_labelled(classes), IGNORE])
    regions = {box: covering(box, case) for box in (*asked, *before)}
    open_ = [box for box in asked if box not in answered]
    _check_outside(path, drawn, regions.values(), classes)
    stored, shown = labels_to_store(drawn, case), painted(case, asked, answered)
    _check_kept(path, stored, _reached(case, asked), before)
    found: dict[Box, np.ndarray] = {}
    for box in asked:
        # a voxel where two answered boxes meet was changed for both, but one of an open box for that alone
        rivals = [regions[other] for other in (open_ if box in answered else regions) if other != box]
        own = own_voxels(regions[box], rivals)
        inside = drawn[regions[box]][own]
        if box in answered and (inside == shown[regions[box]][own]).all():
            found[box] = np.asarray(answered[box])
        elif (inside != IGNORE).any() and (stored[box.slices] != IGNORE).any():
            found[box] = stored[box.slices].copy()
    return found


def _check_outside(path: Path, drawn: np.ndarray, inside: Iterable[Region], classes: Sequence[str]) -> None:
    outside = (drawn != 0) & (drawn != IGNORE)
    for region in inside:
        outside[region] = False
    if outside.any():
        where = file.first(outside)
        label = int(drawn[where])
        raise BrokenFileError(
            f"{path}: {int(outside.sum())} voxels outside of the boxes that were asked for are labelled, the "
            f"first at {where} (x, y, z) as {label} {classes[label]}: only boxes are taken in. Clear what "
            "lies outside (label 0)."
        )


def _reached(case: Case, asked: Sequence[Box]) -> np.ndarray:
    """Where in the store's grid the file's voxels in the asked boxes have a say, (Z, Y, X) bool."""
    inside = np.zeros(case.native.shape, np.float32)
    for box in asked:
        inside[covering(box, case)] = 1
    return image_to_store(inside, case) > 0


def _check_kept(path: Path, stored: np.ndarray, reached: np.ndarray, before: Labels) -> None:
    """Boxes of earlier queries are as they were, or empty."""
    for box, known in before.items():
        drawn, apart = stored[box.slices], ~reached[box.slices]
        is_empty = (drawn[apart] == 0).all() or (drawn[apart] == IGNORE).all()
        changed = int(((drawn != known) & apart).sum())
        if changed and not is_empty:
            raise BrokenFileError(
                f"{path}: box {box.id} of an earlier query has other labels in {changed} voxels than it was "
                "given: nothing is overwritten. Clear this box (label 0), or correct it in the folder that "
                "asked for it."
            )
