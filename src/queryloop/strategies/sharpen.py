"""Rough numbers for the whole pool, exact ones for the rows that decide the query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from queryloop.strategies.kinds import Given, Strategy

Look = Callable[[np.ndarray], Given]
"""From positions in the pool to exact evidence of these rows."""


def sharpened(strategy: Strategy, rough: Given, exact: Look, *, k: int, seed: int) -> dict[str, Any]:
    """The evidence, exact in every row that could be among the k highest scores.

    rough: evidence for all N rows, nearly right. A row stays rough if its score, plus the largest error
    seen so far, lies below the k-th highest exact one; once half of the rows are in question, all are
    looked at. So the query is that of exact evidence, unless a rough score is further off than all those
    that were compared.
    """
    evidence = {name: _copied(value) for name, value in rough.items()}
    before = _scores(strategy, evidence, seed)
    known = torch.zeros(len(before), dtype=torch.bool)
    asked = torch.zeros_like(known)
    asked[before.topk(min(2 * k, len(before))).indices] = True
    while asked.any():
        rows = asked.nonzero()[:, 0].numpy()
        _put(evidence, exact(rows), rows)
        known |= asked
        scores = _scores(strategy, evidence, seed)
        error = (scores - before)[known].abs().max()
        least = scores[known].topk(k).values[-1]
        asked = ~known & (before + error >= least)
        if (known | asked).sum() > len(known) / 2:
            asked = ~known
    return evidence


def _scores(strategy: Strategy, evidence: Given, seed: int) -> Tensor:
    scores = strategy.score(evidence, seed)
    assert scores is not None, f"{strategy.name} is no scorer"
    return scores.cpu()


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {layer: part.clone() for layer, part in value.items()}
    return value.clone() if isinstance(value, Tensor) else value


def _put(evidence: Given, found: Given, rows: np.ndarray) -> None:
    for name, value in found.items():
        if isinstance(value, dict):
            _put(evidence[name], value, rows)
        elif isinstance(value, Tensor):
            evidence[name][rows] = value
