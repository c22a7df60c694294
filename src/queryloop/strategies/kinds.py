"""What a name resolves to: something that scores a pool and chooses a query from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from queryloop.errors import InputError
from queryloop.randomness import derived_seed
from queryloop.strategies.checks import refuse_non_finite
from queryloop.strategies.evidence import as_tensor, gathered, ids_of
from queryloop.strategies.needs import Members
from queryloop.strategies.picks import NOTHING, Picks, checked_k, seeded_order, top_k
from queryloop.strategies.registry import Bounds, Definition

Given = Mapping[str, Any]
Scores = Tensor | np.ndarray


@dataclass(frozen=True, kw_only=True)
class Strategy(ABC):
    """A strategy with its options settled. Scorers, batch strategies, and what is built upon them.

    `needs`: the evidence it reads. `bounds`: least and largest score. `members`: what fills `mc_probs`.
    `draws`: another seed may score or choose otherwise. `diverse`: a copy of a chosen row waits until no
    other row is left. `auxiliary`: what must be trained beside the network, or `none`.
    """

    name: str
    family: str
    source: str
    needs: frozenset[str]
    options: Mapping[str, Any]
    bounds: Bounds
    members: Members
    draws: bool = False
    diverse: bool = False
    auxiliary: str = "none"

    @property
    def learns_on_validation(self) -> bool:
        """Whether it trains a model of its own on validation samples."""
        return any(need.startswith("val_") for need in self.needs)

    @abstractmethod
    def score(self, evidence: Given, seed: int) -> Tensor | None:
        """One score a pool row, (N,), higher = query first; None where the batch is chosen as a whole.

        evidence: need -> array; `ids` name the rows (0..N-1 without). Raises InputError, NonFiniteError.
        """

    @abstractmethod
    def choose(self, scores: Scores | None, evidence: Given, *, k: int, seed: int) -> Picks:
        """The k rows to query, best first, from what `score` returned, the same evidence and the same seed.

        Raises InputError for a k outside 0..N, NonFiniteError for NaN or infinity among the scores.
        """


class Scoring(Strategy):
    """Scores every row, each by itself, and chooses by these scores."""

    @abstractmethod
    def score(self, evidence: Given, seed: int) -> Tensor:
        """One score a pool row, (N,), higher = query first. Raises InputError, NonFiniteError."""

    def ranked(self, scores: Scores | None, evidence: Given, *, k: int, seed: int) -> Picks:
        """The k highest scores, highest first; of the evidence only `ids` are read."""
        if scores is None:
            raise InputError(f"`{self.name}` chooses by scores; pass what its `score` returned.")
        tensor = as_tensor("scores", scores)
        return top_k(tensor, ids_of(evidence, len(tensor)), k=k, seed=seed)


class TopK(Scoring):
    """The k highest scores are the query."""

    def choose(self, scores: Scores | None, evidence: Given, *, k: int, seed: int) -> Picks:
        """See `ranked`."""
        return self.ranked(scores, evidence, k=k, seed=seed)


@dataclass(frozen=True, kw_only=True)
class Scorer(TopK):
    """A registered function that scores. `formula`: the bare function, options bound."""

    formula: Callable[..., Tensor]

    def score(self, evidence: Given, seed: int) -> Tensor:
        """What the formula gives; one that draws sees rows in seeded order: pool order changes nothing."""
        found = gathered(evidence, self.needs, self.name)
        if not self.draws:
            return self._checked(self.formula(**found.values), found.ids)
        order = seeded_order(found.ids, seed)
        shuffled = found.rows(order)
        drawn = self._checked(self.formula(**shuffled.values, generator=_generator(seed)), shuffled.ids)
        scores = torch.empty_like(drawn)
        scores[order] = drawn
        return scores

    def _checked(self, scores: Tensor, ids: np.ndarray) -> Tensor:
        if not isinstance(scores, Tensor) or scores.shape != ids.shape:
            raise InputError(f"`{self.name}` must return a tensor of shape ({len(ids)},): one score a row.")
        refuse_non_finite(f"scores of {self.name}", scores, ids)
        return scores.detach()


@dataclass(frozen=True, kw_only=True)
class Batch(Strategy):
    """Chooses k rows together. `formula`: the bare function, options bound; it returns Picks."""

    formula: Callable[..., Picks]

    def score(self, evidence: Given, seed: int) -> None:
        """Nothing: no row has a score of its own."""

    def choose(self, scores: Scores | None, evidence: Given, *, k: int, seed: int) -> Picks:  # noqa: ARG002
        """What the formula picks; it sees the rows in seeded order, so pool order changes nothing."""
        found = gathered(evidence, self.needs, self.name)
        whole = checked_k(k, len(found.ids))
        if whole == 0:
            return NOTHING
        order = seeded_order(found.ids, seed)
        drawing = {"generator": _generator(seed)} if self.draws else {}
        picks = self.formula(**found.rows(order).values, k=whole, **drawing)
        self._refuse_bad(picks, whole, len(order))
        return Picks(torch.from_numpy(order[picks.positions.cpu().numpy()]), picks.scores.detach().cpu())

    def _refuse_bad(self, picks: Picks, k: int, n: int) -> None:
        rows = {row for row in picks.positions.tolist() if 0 <= row < n} if isinstance(picks, Picks) else ()
        if len(rows) != k or not picks.positions.shape == picks.scores.shape == (k,):
            raise InputError(f"`{self.name}` must return Picks: {k} different rows of {n}, a score for each.")
        refuse_non_finite(f"scores of {self.name}", picks.scores, None)


def from_definition(definition: Definition, options: Mapping[str, Any]) -> Strategy:
    """A registered or just read function as a strategy. Raises OptionsError as `resolve` does."""
    settled = definition.settled(options)
    kind = Batch if definition.batch else Scorer
    return kind(
        name=definition.name,
        family=definition.family,
        source=definition.source,
        needs=definition.needs,
        options=settled,
        bounds=definition.bounds,
        members=definition.members,
        formula=partial(definition.function, **settled),
        draws=definition.draws,
        diverse=definition.diverse,
        auxiliary=definition.auxiliary,
    )


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(derived_seed(seed, 0, "strategy"))
