"""Balance over any scorer: rare classes come first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from queryloop.errors import OptionsError
from queryloop.strategies.evidence import gathered
from queryloop.strategies.kinds import Given, Scores, Scoring, Strategy
from queryloop.strategies.picks import Picks, checked_k
from queryloop.strategies.registry import Options
from queryloop.strategies.turns import ranks

OPTIONS: Options = {}


@dataclass(frozen=True, kw_only=True)
class Balanced(Scoring):
    """Takes each next row from the class with the fewest labels so far; within a class, the best score.

    Classes of the pool are those that the network predicts. Fewest counts labels and rows just chosen.
    """

    scorer: Scoring

    def score(self, evidence: Given, seed: int) -> Tensor:
        """The scorer's own scores."""
        return self.scorer.score(evidence, seed)

    def choose(self, scores: Scores | None, evidence: Given, *, k: int, seed: int) -> Picks:
        """k rows, those of the rarest class first.

        The r-th best row of a class comes when the class has r - 1 rows more than its labels; so the
        order of all rows is that of (labels of the class + r), then of the score.
        """
        found = gathered(evidence, frozenset({"probs", "labels"}), self.name)
        whole, n = checked_k(k, len(found.ids)), len(found.ids)
        ranked = self.ranked(scores, evidence, k=n, seed=seed)
        if n == 0:
            return ranked
        probs = found.values["probs"].cpu()
        classes = probs.argmax(dim=1)[ranked.positions]
        places = ranks(classes, torch.arange(n))
        counts = torch.bincount(found.values["labels"].cpu(), minlength=probs.shape[1])
        order = torch.argsort(places + counts[classes], stable=True)[:whole]
        return Picks(ranked.positions[order], ranked.scores[order])


def wrapped(name: str, prefix: str, scorer: Strategy, options: Mapping[str, Any]) -> Balanced:  # noqa: ARG001
    """A scorer under balance. Raises OptionsError for a strategy that gives no scores."""
    if not isinstance(scorer, Scoring):
        raise OptionsError(f"{prefix!r} needs a scorer, but `{scorer.name}` chooses a batch as a whole.")
    return Balanced(
        name=name,
        family="balance",
        source=f"after Bengar et al. 2022, greedy; {scorer.source}",
        needs=scorer.needs | {"probs", "labels"},
        options=scorer.options,
        bounds=scorer.bounds,
        members=scorer.members,
        auxiliary=scorer.auxiliary,
        draws=scorer.draws,
        scorer=scorer,
    )
