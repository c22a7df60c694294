"""Strategies in a row: each stage narrows the pool for the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from queryloop.errors import OptionsError
from queryloop.strategies.balance import Balanced
from queryloop.strategies.evidence import gathered
from queryloop.strategies.kinds import Given, Scores, Strategy
from queryloop.strategies.needs import DRAWN
from queryloop.strategies.noise import Noisy
from queryloop.strategies.picks import NOTHING, Picks, checked_k
from queryloop.strategies.registry import options_of


def _options(*, presample: Annotated[int, Field(ge=1)] = 4) -> None:
    """presample: how many times the next stage's rows a stage keeps."""


OPTIONS = options_of(_options)


@dataclass(frozen=True, kw_only=True)
class Chain(Strategy):
    """Stage i of m keeps presample^(m - i) * k rows; the last one picks the query, and its scores count."""

    stages: Sequence[Strategy]
    presample: int

    def score(self, evidence: Given, seed: int) -> None:
        """Nothing: the score of the last stage exists only for the rows that reach it."""

    def choose(self, scores: Scores | None, evidence: Given, *, k: int, seed: int) -> Picks:  # noqa: ARG002
        """The k rows that the last stage picks from what the others left over."""
        found = gathered(evidence, self.needs, self.name)
        whole, n = checked_k(k, len(found.ids)), len(found.ids)
        rows, picks = np.arange(n), NOTHING
        if whole == 0:
            return picks
        for later, stage in zip(reversed(range(len(self.stages))), self.stages, strict=True):
            here = found if len(rows) == n else found.rows(rows)
            given = {**here.values, "ids": here.ids}
            kept = min(len(rows), self.presample**later * whole)
            picks = stage.choose(stage.score(given, seed), given, k=kept, seed=seed)
            rows = (rows if here is not found else np.arange(n))[picks.positions.numpy()]
        return Picks(torch.from_numpy(rows), picks.scores)


def _is_noisy(stage: Strategy) -> bool:
    return isinstance(stage, Noisy) or (isinstance(stage, Balanced) and _is_noisy(stage.scorer))


def chained(name: str, stages: Sequence[Strategy], options: Mapping[str, Any]) -> Chain:
    """The stages as one strategy. Raises OptionsError for noise before the last stage, or two auxiliaries."""
    for stage in stages[:-1]:
        if _is_noisy(stage):
            raise OptionsError(f"`{stage.name}` draws noise, which may stand only last in a chain: {name!r}.")
    beside = sorted({stage.auxiliary for stage in stages} - {"none"})
    if len(beside) > 1:
        raise OptionsError(f"{name!r} needs {' and '.join(beside)}, but a network has one auxiliary only.")
    members = {stage.members for stage in stages if stage.needs & DRAWN}
    return Chain(
        name=name,
        family="chain",
        source="; ".join(dict.fromkeys(stage.source for stage in stages)),
        needs=frozenset().union(*(stage.needs for stage in stages)),
        options={**options, **{key: value for stage in stages for key, value in stage.options.items()}},
        bounds=(None, None),
        members="ensemble" if "ensemble" in members else "dropout",
        draws=any(stage.draws for stage in stages),
        diverse=all(stage.diverse for stage in stages),
        auxiliary=(beside or ["none"])[0],
        stages=stages,
        **options,
    )
