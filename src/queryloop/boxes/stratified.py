"""Class-stratified queries: a part of the boxes for each foreground class, by its own map of scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from queryloop.boxes.candidates import PLAIN, Candidates, together
from queryloop.boxes.grid import BoxGrid
from queryloop.boxes.pool import Pool, at_most
from queryloop.boxes.scored import Scored, mapped
from queryloop.boxes.selection import greedy
from queryloop.boxes.sums import Sums
from queryloop.boxes.voxels import VoxelScorer
from queryloop.randomness import generator
from queryloop.strategies.noise import Positive, Schedule
from queryloop.strategies.registry import options_of


def _options(
    *,
    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.66,
    beta: Positive = 1.0,
    schedule: Schedule = "exponential",
    final_beta: Positive = 100.0,
) -> None:
    """ratio: share of the query for the classes. The others are those of `power`."""


OPTIONS = options_of(_options)


@dataclass(frozen=True, kw_only=True)
class Stratified(Scored):
    """Score times mean probability of class c for each foreground class, and the score alone for the rest.

    With entropy and the power noise of the default schedule: ClaSP PE (arXiv 2601.13677). As there, each
    channel gets its share in every case, at least one box, and in the query; unlike there, the share of a
    class that has no candidate goes to the other classes, and what is still missing to the best of all.
    """

    ratio: float

    def choose(self, found: Candidates, pool: Pool, *, k: int, seed: int) -> Candidates:
        """The best of each channel, its share of k; then by score."""
        k = at_most(len(found.boxes), k, pool, scored=self.scores_voxels)
        noisy = self.noisy(found, pool, seed)
        classes = sorted({*noisy.channels.tolist()} - {PLAIN})
        share = quotas(k, self.ratio, classes, generator(seed, 0, "shares of the query"))
        parts = [noisy.rows(np.flatnonzero(noisy.channels == channel)) for channel in share]
        taken = together([part.best(n, seed) for part, n in zip(parts, share.values(), strict=True)])
        rest = noisy.rows(np.flatnonzero(~np.isin(noisy.ids, taken.ids)))
        return together([taken, rest.best(k - len(taken.boxes), seed)]).best(k, seed)

    def _of_case(self, case: str, pool: Pool, grid: BoxGrid, free: np.ndarray, seed: int) -> Candidates:
        maps = mapped(case, pool, grid, self.scorer, _by_class)
        draw = generator(seed, 0, f"classes of {case}")
        share = quotas(pool.per_case, self.ratio, sorted(maps.keys() - {PLAIN}), draw)
        found = []
        for channel in draw.permutation(list(share)).tolist():
            scores = maps.pop(channel)
            np.copyto(scores, -np.inf, where=~free)
            found.append(greedy(scores, grid, case, n=max(1, share[channel]), seed=seed, channel=channel))
            for box in found[-1].boxes:
                free[grid.touching(box)] = False
        return together(found)


def quotas(n: int, ratio: float, classes: Sequence[int], draw: np.random.Generator) -> dict[int, int]:
    """How many of n boxes each class gets, and PLAIN the rest: a share `ratio` is split evenly.

    What does not divide goes to classes drawn at random.
    """
    if not classes:
        return {PLAIN: n}
    each, rest = divmod(int(n * ratio), len(classes))
    lucky = set(draw.permutation(classes)[:rest].tolist())
    share = {c: each + (c in lucky) for c in classes}
    return {**share, PLAIN: n - sum(share.values())}


def _by_class(scorer: VoxelScorer, sums: Sums) -> Iterator[tuple[int, np.ndarray]]:
    score = scorer.map(sums)
    yield PLAIN, score
    for c in range(1, sums.n_classes):
        yield c, score * sums.mean_of(c)
