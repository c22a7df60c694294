"""Strategies that score voxels: the boxes of the highest means, with noise over them or without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from queryloop.boxes.candidates import PLAIN, Candidates, Leaders
from queryloop.boxes.grid import BoxGrid
from queryloop.boxes.kinds import BoxStrategy
from queryloop.boxes.means import Means
from queryloop.boxes.pool import Pool, at_most
from queryloop.boxes.selection import greedy
from queryloop.boxes.sums import Sums
from queryloop.boxes.voxels import VoxelScorer
from queryloop.progress import ProgressBar
from queryloop.strategies.noise import Noisy

Maps = Callable[[VoxelScorer, Sums], Iterator[tuple[int, np.ndarray]]]
"""One or more voxel maps of a slab, each with its channel."""


@dataclass(frozen=True, kw_only=True)
class Scored(BoxStrategy):
    """The highest box means. `noise`: drawn once a candidate, after overlap is gone, from (seed, box id).

    Noise on each position instead would have more effect the more positions there are.
    """

    scorer: VoxelScorer
    noise: Noisy | None = None

    def candidates(self, pool: Pool, *, k: int, seed: int) -> Candidates:
        """The best of each case, at most `pool.per_case`; without noise no more than k of all cases."""
        leaders = Leaders(None if self.noise else k, seed)
        with ProgressBar("scoring", len(pool.shapes)) as bar:
            for case in pool.shapes:
                grid = pool.grid(case)
                free = pool.free(case, grid)
                if free.any():
                    leaders.add(self._of_case(case, pool, grid, free, seed))
                bar.advance()
        return leaders.found

    def choose(self, found: Candidates, pool: Pool, *, k: int, seed: int) -> Candidates:
        """The k highest scores, noise included."""
        k = at_most(len(found.boxes), k, pool, scored=self.scores_voxels)
        return self.noisy(found, pool, seed).best(k, seed)

    def noisy(self, found: Candidates, pool: Pool, seed: int) -> Candidates:
        """The candidates with their scores under noise."""
        if self.noise is None:
            return found
        evidence = {"ids": found.ids, "progress": pool.progress}
        return found._replace(scores=self.noise.over(torch.from_numpy(found.scores), evidence, seed).numpy())

    def _of_case(self, case: str, pool: Pool, grid: BoxGrid, free: np.ndarray, seed: int) -> Candidates:
        scores = mapped(case, pool, grid, self.scorer, _whole)[PLAIN]
        np.copyto(scores, -np.inf, where=~free)
        return greedy(scores, grid, case, n=pool.per_case, seed=seed)


def mapped(case: str, pool: Pool, grid: BoxGrid, scorer: VoxelScorer, maps: Maps) -> dict[int, np.ndarray]:
    """Box means of each channel's map, slab by slab."""
    means: dict[int, Means] = {}
    for sums in pool.slabs(case, scorer):
        for channel, volume in maps(scorer, sums):
            means.setdefault(channel, Means(grid, scorer.bounds)).add(volume)
    return {channel: found.result() for channel, found in means.items()}


def _whole(scorer: VoxelScorer, sums: Sums) -> Iterator[tuple[int, np.ndarray]]:
    yield PLAIN, scorer.map(sums)
