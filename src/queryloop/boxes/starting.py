"""The boxes that are labelled before the first training."""

from __future__ import annotations

import logging

import numpy as np

from queryloop.boxes.box import Box, class_counts
from queryloop.boxes.drawn import draw_box, drawn
from queryloop.boxes.pool import Pool, refuse_fewer
from queryloop.errors import OptionsError, unknown
from queryloop.randomness import bits_by_id, generator
from queryloop.voxels import IGNORE

logger = logging.getLogger(__name__)

FOREGROUND = {"random": 0.0, "foreground_33": 1 / 3, "foreground_66": 2 / 3}
"""Starting sets by name, with the share of their draws that aim at foreground."""

_BOXES = 2  # of each class, in different cases: then every class is in the training part of every fold


def starting_set(sampler: str, pool: Pool, *, k: int, seed: int, all_classes: bool = False) -> list[Box]:
    """k boxes drawn at random; those of `foreground_33` and `foreground_66` aim at foreground so often.

    all_classes: first come two boxes of each class in two cases, always of the class with the fewest cases
    that have no box yet; no case serves twice as long as others are left. Everything but `random` alone
    reads the truth. Raises OptionsError for another name, or a k too small for all classes; ExhaustedError
    where boxes run out.
    """
    if sampler not in FOREGROUND:
        raise unknown("starting set", sampler, FOREGROUND)
    first = of_all_classes(pool, k=k, seed=seed) if all_classes else []
    foreground = FOREGROUND[sampler]
    rest = drawn(pool, k=k - len(first), seed=seed, foreground=foreground, asker=sampler, start=first)
    refuse_fewer(len(first) + len(rest), k, pool)
    return first + rest


def of_all_classes(pool: Pool, *, k: int, seed: int) -> list[Box]:
    """Two boxes of each class that the cases have, background included, around a random voxel of it.

    A class that is in one case only gets both boxes there, where there is room. Raises OptionsError where
    they would be more than k.
    """
    holding = _cases_by_class(pool, seed)
    if (least := _BOXES * len(holding)) > k:
        raise OptionsError(
            f"{k} boxes cannot hold {_BOXES} of each of {len(holding)} classes: "
            f"set start.size:{least} or more, or start.all_classes:false."
        )
    boxes: list[Box] = []
    while holding:
        unused = {c: {*cases} - {box.case for box in boxes} for c, cases in holding.items()}
        c = min(holding, key=lambda c: (len(unused[c]), c))
        boxes += _boxes_of(c, holding.pop(c), pool, boxes, seed)
    return boxes


def _boxes_of(c: int, cases: list[str], pool: Pool, earlier: list[Box], seed: int) -> list[Box]:
    """Boxes around voxels of class c: in unused cases first, then in any, each case once before any twice."""
    used = {box.case for box in earlier}
    found: list[Box] = []
    for case in [*sorted(cases, key=lambda case: case in used), *cases]:
        if len(found) == _BOXES:
            return found
        draw = generator(seed, 0, f"box {len(found)} of class {c} in {case}")
        aim = pool.labels_of(case, "all_classes") == c
        box = draw_box(case, pool, [*earlier, *found], draw, aim)
        if box is not None and aim[box.slices].any():
            found.append(box)
    if len(found) < _BOXES:
        logger.warning("class %d gets %d of %d boxes: no case has more room for it.", c, len(found), _BOXES)
    return found


def _cases_by_class(pool: Pool, seed: int) -> dict[int, list[str]]:
    """The cases that hold each class, in an order drawn from (seed, case)."""
    cases = np.array(list(pool.shapes), dtype=object)
    holding: dict[int, list[str]] = {}
    for case in cases[np.argsort(bits_by_id(seed, 0, "cases of a class", cases))].tolist():
        counts = class_counts(pool.labels_of(case, "all_classes"))[:IGNORE]
        for c in np.flatnonzero(counts).tolist():
            holding.setdefault(c, []).append(case)
    return holding
