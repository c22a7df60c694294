"""What a query of boxes is chosen from, and how the networks and the labels are looked at."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from queryloop.boxes.box import Box, Size
from queryloop.boxes.grid import BoxGrid, grid_of
from queryloop.boxes.means import box_means
from queryloop.boxes.selection import free_positions
from queryloop.boxes.sums import Sums
from queryloop.boxes.voxels import VoxelScorer
from queryloop.errors import ExhaustedError, InputError
from queryloop.voxels import Triple

logger = logging.getLogger(__name__)

MOST_KNOWN = 0.4  # of a box, where some voxels have labels that cost nothing (nnActive: additional_overlap)


def _none(*_: object) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Cases and the boxes in them; the callables are asked only by strategies whose `needs` name them.

    shapes: (Z, Y, X) of each case. size, stride: of candidate boxes. per_case: candidates of a case.
    taken: boxes with labels, by case. progress: share of the scheduled cycles that is done.
    sums: the slabs of a case from plane 0 on, with what the scorer needs summed over the members.
    labels: class numbers of a case, (Z, Y, X) uint8; the truth or the prediction, as the strategy reads.
    known: voxels of a case that have labels outside any box, or None.
    embeddings: one row a box, (n, D).
    loop: the boxes to ask for next, where others chose them before.
    """

    shapes: Mapping[str, Triple]
    size: Size
    stride: Triple = (1, 1, 1)
    per_case: int = 20
    taken: Mapping[str, Sequence[Box]] = field(default_factory=dict)
    progress: float = 0.0
    sums: Callable[[str, VoxelScorer], Iterable[Sums]] | None = None
    labels: Callable[[str], np.ndarray] | None = None
    known: Callable[[str], np.ndarray | None] = _none
    embeddings: Callable[[Sequence[Box]], Tensor] | None = None
    loop: Sequence[Box] | None = None

    def grid(self, case: str, *, dense: bool = False) -> BoxGrid:
        """The candidate boxes of a case; dense: at every voxel, whatever the stride."""
        return grid_of(self.shapes[case], self.size, (1, 1, 1) if dense else self.stride)

    def free(self, case: str, grid: BoxGrid, more: Iterable[Box] = ()) -> np.ndarray:
        """Positions whose box overlaps neither a labelled box nor one of `more`, and is not mostly known."""
        free = free_positions(grid, [*self.taken.get(case, ()), *more])
        known = self.known(case)
        if known is not None:
            free &= box_means(known, grid.size, grid.stride) <= MOST_KNOWN
        return free

    def has_room(self, case: str) -> bool:
        """Whether there is a free position, at any voxel."""
        return bool(self.free(case, self.grid(case, dense=True)).any())

    def slabs(self, case: str, scorer: VoxelScorer) -> Iterable[Sums]:
        """What the networks say of a case. Raises InputError where the pool has none."""
        if self.sums is None:
            raise InputError(f"`{scorer.name}` asks the networks of each voxel, but the pool has no `sums`.")
        return self.sums(case, scorer)

    def labels_of(self, case: str, asker: str) -> np.ndarray:
        """Class numbers of a case. Raises InputError where there are none, or of another shape."""
        if self.labels is None:
            raise InputError(f"`{asker}` reads labels of whole cases, which the pool does not give.")
        labels = self.labels(case)
        if labels.shape != tuple(self.shapes[case]):
            raise InputError(f"labels of {case!r} have shape {labels.shape}, the case {self.shapes[case]}.")
        return labels


def refuse_fewer(found: int, k: int, pool: Pool) -> None:
    """Raise ExhaustedError where fewer boxes were found than asked for."""
    if found < k:
        hint = "Ask for fewer (start.size), or take smaller boxes (query.box)."
        raise ExhaustedError(f"{_shortage(found, k, pool)}. {hint}", found)


def at_most(found: int, k: int, pool: Pool, *, scored: bool) -> int:
    """How many boxes a query of k gets where so many were found; says so where that is fewer.

    scored: whether they were looked for by the stride and per_case of the pool.
    """
    limits = f", at most {pool.per_case} of each (query.per_case), {pool.stride} voxels apart (query.stride)"
    others = ", smaller strides or more of each case"
    if found < k:
        logger.warning(
            "%s%s. All of them are taken; smaller boxes (query.box)%s would give more.",
            _shortage(found, k, pool),
            limits * scored,
            others * scored,
        )
    return min(found, k)


def _shortage(found: int, k: int, pool: Pool) -> str:
    return (
        f"{k} boxes were asked for, but only {found} can be had: boxes of {pool.size} that overlap no "
        f"labelled one, in {len(pool.shapes)} cases"
    )
