"""Uncertainty and diversity, both in the space of probabilities."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from queryloop.strategies.picks import Picks
from queryloop.strategies.registry import strategy
from queryloop.strategies.uncertainty import margin


@strategy(family="mixed", source="Gilhuber et al. 2024", bounds=(0.0, 2.0))
def falcun(
    probs: Tensor, k: int, generator: torch.Generator, *, gamma: Annotated[float, Field(ge=0)] = 10.0
) -> Picks:
    """Rows drawn one by one: unsure, and predicted unlike those before.

    Formula: chance of x in proportion to (u + d)^gamma, u = 1 - (p1 - p2), d = least of u and the
    L1-distances of p(x) to the rows drawn so far, scaled to [0, 1] over the rows that are left.
    probs: (N, C). Returns Picks: u + d at the draw, order of the draws, [0, 2], no unit.
    Cost: N k C. Use: a fast mix for queries of tens to hundreds, where embeddings are not at hand. Rows that
    are predicted alike count as copies of each other, whatever they show; gamma 0 is random.
    """
    left = _Left(probs, (1 + margin(probs)).clamp(min=0))  # a sum above 1 may be rounding
    drawn, scores = zip(*(left.draw(gamma, generator) for _ in range(k)), strict=True)
    return Picks(torch.tensor(drawn, device=probs.device), torch.tensor(scores, dtype=probs.dtype))


class _Left:
    """All rows, and which of them are drawn; each draw writes into the same memory."""

    def __init__(self, probs: Tensor, unsure: Tensor) -> None:
        self._probs, self._unsure, self._distances = probs, unsure, unsure.clone()
        self._relevance, self._sums = torch.empty_like(unsure), torch.empty_like(unsure, dtype=torch.float64)
        self._drawn = torch.zeros_like(unsure, dtype=torch.bool)

    def draw(self, gamma: float, generator: torch.Generator) -> tuple[int, float]:
        """Take one row, by relevance^gamma. Returns its number and its relevance."""
        relevance = self._relevances()
        row = self._by_chance(relevance, gamma, generator)
        self._drawn[row] = True
        apart = torch.cdist(self._probs, self._probs[row, None], p=1).squeeze(1)
        torch.minimum(self._distances, apart, out=self._distances)
        return row, float(relevance[row])

    def _relevances(self) -> Tensor:
        """u + d of the rows that are left, -inf for the others."""
        distances = self._distances
        low = distances.masked_fill_(self._drawn, torch.inf).amin()
        high = distances.masked_fill_(self._drawn, -torch.inf).amax()
        relevance = torch.sub(distances, low, out=self._relevance)
        return relevance.div_(torch.where(high > low, high - low, 1)).add_(self._unsure)

    def _by_chance(self, relevance: Tensor, gamma: float, generator: torch.Generator) -> int:
        """A row that is left, by relevance^gamma, any of them where none is relevant."""
        highest = relevance.amax()
        weights = relevance / highest if highest > 0 else torch.ones_like(relevance)
        sums = torch.pow(weights, gamma, out=self._sums)
        sums.masked_fill_(self._drawn, 0).cumsum_(0)
        share = torch.rand(1, generator=generator, dtype=torch.float64).to(sums.device)
        return int(torch.searchsorted(sums, share * sums[-1], right=True))
