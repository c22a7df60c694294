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
    live = _Live(probs, 1 + margin(probs))
    drawn, scores = zip(*(live.draw(gamma, generator) for _ in range(k)), strict=True)
    return Picks(torch.tensor(drawn, device=probs.device), torch.tensor(scores, dtype=probs.dtype))


class _Live:
    """The rows that are left. One that is drawn changes places with the last of them, so none is a hole."""

    def __init__(self, probs: Tensor, unsure: Tensor) -> None:
        self._probs = probs
        numbers = torch.arange(len(probs), dtype=torch.int32, device=probs.device)
        self._columns = [numbers, unsure, unsure.clone()]

    def draw(self, gamma: float, generator: torch.Generator) -> tuple[int, float]:
        """Take one row, by relevance^gamma. Returns its number and its relevance."""
        numbers, unsure, distances = self._columns
        low, high = distances.aminmax()
        relevance = (distances - low).div_(torch.where(high > low, high - low, 1)).add_(unsure)
        place = _drawn(relevance, gamma, generator)
        found = int(numbers[place]), float(relevance[place])
        apart = torch.cdist(self._probs, self._probs[found[0], None], p=1).squeeze(1)
        torch.minimum(distances, apart[numbers], out=distances)
        for column in self._columns:
            column[place] = column[-1]
        self._columns = [column[:-1] for column in self._columns]
        return found


def _drawn(relevance: Tensor, gamma: float, generator: torch.Generator) -> int:
    """A place by relevance^gamma, any place where none is relevant."""
    highest = relevance.amax()
    weights = (relevance / highest).pow_(gamma) if highest > 0 else torch.ones_like(relevance)
    sums = weights.cumsum(0, dtype=torch.float64)
    share = torch.rand(1, generator=generator, dtype=torch.float64).to(sums.device)
    return int(torch.searchsorted(sums, share * sums[-1], right=True))
