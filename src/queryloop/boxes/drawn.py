"""Boxes at random, and at random where there is foreground."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from math import nan

import numpy as np
from scipy.ndimage import binary_erosion, find_objects, generate_binary_structure

from queryloop.boxes.box import Box, centred, class_counts
from queryloop.boxes.candidates import Candidates, candidates
from queryloop.boxes.grid import BoxGrid
from queryloop.boxes.kinds import BoxStrategy
from queryloop.boxes.pool import Pool, at_most
from queryloop.randomness import bits_by_id, generator
from queryloop.voxels import IGNORE, Triple

_TRIES = 100


@dataclass(frozen=True, kw_only=True)
class Drawn(BoxStrategy):
    """Random boxes of the cases in turn. foreground: share of the draws that aim at foreground."""

    foreground: float = 0.0

    def candidates(self, pool: Pool, *, k: int, seed: int) -> Candidates:
        """The boxes in the order in which they were drawn; without scores."""
        boxes = drawn(pool, k=k, seed=seed, foreground=self.foreground, asker=self.name)
        return candidates(boxes, [nan] * len(boxes))

    def choose(self, found: Candidates, pool: Pool, *, k: int, seed: int) -> Candidates:  # noqa: ARG002
        """The first k."""
        k = at_most(len(found.boxes), k, pool, scored=self.scores_voxels)
        return found.rows(np.arange(k))


def drawn(
    pool: Pool,
    *,
    k: int,
    seed: int,
    foreground: float = 0.0,
    asker: str = "random",
    start: Iterable[Box] = (),
) -> list[Box]:
    """At most k free boxes, one a visit, the cases in turn in an order drawn from (seed, case).

    foreground: share of the draws that aim at it, in [0, 1]; half of them at any voxel of a class, half at
    its border (voxels beside another class or the end of the scan). Aimed is: a class drawn from those in the
    case's labels, background apart, then one of its voxels as the centre. A draw that aims at nothing free
    takes any free box; a case without one is left out, and others are visited once more; fewer than k come
    where all cases are full. start: boxes that are taken beside those of the pool. Source: nnActive (Lüth et
    al. 2025).
    """
    cases = np.array(list(pool.shapes), dtype=object)
    waiting = deque(cases[np.argsort(bits_by_id(seed, 0, "cases in turn", cases))].tolist())
    found: dict[int, Box] = {}
    taken, first = list(start), 0
    while len(found) < k and waiting:
        visits = range(first, first + k - len(found))
        turns = {case: visits[turn :: len(waiting)] for turn, case in enumerate(waiting)}
        for case, numbers in turns.items():
            labels = cache(partial(pool.labels_of, case, asker))  # a prediction takes long: one for all
            draws = [generator(seed, 0, f"box {number} in {case}") for number in numbers]
            boxes = _visited(case, pool, [*taken, *found.values()], draws, partial(_aim, labels, foreground))
            found.update(zip(numbers, boxes, strict=False))
        waiting.rotate(-len(visits))
        waiting = deque(case for case in waiting if found.keys() >= {*turns[case]})
        first = visits.stop
    return [found[number] for number in sorted(found)]


def draw_box(
    case: str, pool: Pool, taken: Iterable[Box], draw: np.random.Generator, aim: np.ndarray | None = None
) -> Box | None:
    """A free box around a voxel of `aim`, or any free box; None where the case is full.

    Every free box has the same chance, the last position included. aim: (Z, Y, X) bool.
    """
    grid = pool.grid(case, dense=True)
    free = pool.free(case, grid, (box for box in taken if box.case == case))
    voxels = () if aim is None else (voxel_of(aim, draw) for _ in range(_TRIES))
    for voxel in voxels:
        box = centred(case, voxel, grid.size, grid.shape)
        if free[box.corner]:
            return box
    corner = _free_corner(free, draw, grid)
    return None if corner is None else Box(case, corner, grid.size)


def voxel_of(mask: np.ndarray, draw: np.random.Generator) -> Triple:
    """One of the voxels in a mask that is not empty, each with the same chance. mask: (Z, Y, X) bool."""
    ends = np.count_nonzero(mask, axis=(1, 2)).cumsum()
    nth = int(draw.integers(ends[-1]))
    z = int(np.searchsorted(ends, nth, side="right"))
    voxels = np.flatnonzero(mask[z])
    y, x = divmod(int(voxels[nth - int(ends[z])]), mask.shape[2])  # counted from the plane's last
    return z, y, x


def border_of(mask: np.ndarray) -> np.ndarray:
    """The voxels of a mask with one of their six neighbours outside of it. mask: (Z, Y, X) bool."""
    around = find_objects(mask.view(np.uint8))[0]
    border = np.zeros_like(mask)
    inner = binary_erosion(mask[around], generate_binary_structure(3, 1))
    border[around] = mask[around] & ~inner
    return border


def _visited(
    case: str,
    pool: Pool,
    taken: Iterable[Box],
    draws: Iterable[np.random.Generator],
    aim: Callable[[np.random.Generator], np.ndarray | None],
) -> list[Box]:
    """A free box for each draw, until the case is full."""
    found: list[Box] = []
    for draw in draws:
        box = draw_box(case, pool, [*taken, *found], draw, aim(draw))
        if box is None:
            break
        found.append(box)
    return found


def _aim(labels: Callable[[], np.ndarray], foreground: float, draw: np.random.Generator) -> np.ndarray | None:
    """All voxels of one foreground class, or its border; None where none is aimed at, or there is none."""
    if draw.random() >= foreground:
        return None
    present = np.flatnonzero(class_counts(labels())[1:IGNORE]) + 1
    if not len(present):
        return None
    mask = labels() == draw.choice(present)
    aims: list[Callable[[np.ndarray], np.ndarray]] = [lambda whole: whole, border_of]
    return aims[int(draw.integers(2))](mask)


def _free_corner(free: np.ndarray, draw: np.random.Generator, grid: BoxGrid) -> Triple | None:
    """A free position: mostly found at once, else looked for among all."""
    for _ in range(_TRIES):
        z, y, x = (int(draw.integers(n)) for n in grid.positions)
        if free[z, y, x]:
            return z, y, x
    return voxel_of(free, draw) if free.any() else None
