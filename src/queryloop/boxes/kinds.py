"""What every strategy for boxes can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from queryloop.boxes.candidates import Candidates
from queryloop.boxes.pool import Pool


@dataclass(frozen=True, kw_only=True)
class BoxStrategy(ABC):
    """How the next boxes are chosen: candidates of all cases first, then the query among them.

    `needs`: what it asks of the pool: `probs` and `energy` (in its `sums`), `truth` or `prediction` (as its
    `labels`), `embeddings`, `progress`, `loops` (the next one as its `loop`). `compares`: it needs several
    members, as one disagrees with nobody and has no average.
    """

    name: str
    source: str
    options: Mapping[str, Any]
    needs: frozenset[str]
    compares: bool = False

    @property
    def scores_voxels(self) -> bool:
        """Whether it reads what the networks say of each voxel: its boxes are scored, not drawn."""
        return not self.needs.isdisjoint({"probs", "energy"})

    @abstractmethod
    def candidates(self, pool: Pool, *, k: int, seed: int) -> Candidates:
        """Free boxes without overlap that a query of k may be made of, with a score each, higher first.

        Each case is looked at once. Raises InputError for a pool that lacks what is needed.
        """

    @abstractmethod
    def choose(self, found: Candidates, pool: Pool, *, k: int, seed: int) -> Candidates:
        """The k boxes to label, best first; all of them, and a warning, where fewer were found."""
