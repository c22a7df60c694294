"""The boxes that somebody asked for before."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from queryloop.boxes.candidates import Candidates, candidates
from queryloop.boxes.kinds import BoxStrategy
from queryloop.boxes.pool import Pool
from queryloop.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Replay(BoxStrategy):
    """All boxes of the next loop in their order, however many: k and the seed change nothing."""

    def candidates(self, pool: Pool, *, k: int, seed: int) -> Candidates:  # noqa: ARG002
        """The loop that the pool gives, without scores."""
        if pool.loop is None:
            raise InputError(f"`{self.name}` asks for the boxes of a loop, which the pool does not give.")
        return candidates(pool.loop, [nan] * len(pool.loop))

    def choose(self, found: Candidates, pool: Pool, *, k: int, seed: int) -> Candidates:  # noqa: ARG002
        """All of them."""
        return found
