"""Two stages: boxes that lead by any strategy, and of them those that are unlike each other."""

from __future__ import annotations

from dataclasses import dataclass

from queryloop.boxes.candidates import Candidates
from queryloop.boxes.kinds import BoxStrategy
from queryloop.boxes.pool import Pool, at_most
from queryloop.errors import InputError
from queryloop.strategies.kinds import Batch


@dataclass(frozen=True, kw_only=True)
class Spread(BoxStrategy):
    """The first stage keeps presample * k boxes, the last picks among them by their embeddings."""

    first: BoxStrategy
    last: Batch
    presample: int

    def candidates(self, pool: Pool, *, k: int, seed: int) -> Candidates:
        """Those of the first stage, for a query of presample * k."""
        return self.first.candidates(pool, k=self.presample * k, seed=seed)

    def choose(self, found: Candidates, pool: Pool, *, k: int, seed: int) -> Candidates:
        """The k boxes that the last stage picks; their scores are its own."""
        k = at_most(len(found.boxes), k, pool, scored=self.scores_voxels)
        if pool.embeddings is None:
            raise InputError(f"`{self.name}` compares embeddings of boxes, which the pool does not give.")
        kept = self.first.choose(found, pool, k=min(len(found.boxes), self.presample * k), seed=seed)
        labeled = [box for boxes in pool.taken.values() for box in boxes]
        every = pool.embeddings([*kept.boxes, *labeled])
        evidence = {
            "ids": kept.ids,
            "embeddings": every[: len(kept.boxes)],
            "labeled_embeddings": every[len(kept.boxes) :],
        }
        picks = self.last.choose(None, evidence, k=k, seed=seed)
        return kept.rows(picks.positions.numpy())._replace(scores=picks.scores.double().numpy())
