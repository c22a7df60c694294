"""What the checks of the battery are made of: a query, and ways to say that it is not as promised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from queryloop.strategies.kinds import Strategy
from queryloop.strategies.made_up import example, numbers_of


def promise(kept: object, told: str) -> None:
    """Raise AssertionError for a promise that is not kept; holds under `python -O` too."""
    if not kept:
        raise AssertionError(told)


def query(strategy: Strategy, evidence: Mapping[str, Any], k: int = 9, seed: int = 0) -> list[Any]:
    """The k ids that a strategy asks for, by the two steps of the pipeline."""
    picks = strategy.choose(strategy.score(evidence, seed), evidence, k=k, seed=seed)
    ids = [evidence["ids"][position] for position in picks.positions.tolist()]
    promise(len(ids) == len(picks.scores) == k, f"{k} were asked for: {len(ids)} came")
    promise(len(set(map(str, ids))) == k, "an id came twice")
    return ids


def same(first: list[Any], second: list[Any], told: str) -> None:
    """Promise that two queries are the same, in the same order."""
    promise(list(map(str, first)) == list(map(str, second)), f"{told}: {first} became {second}")


def close(first: torch.Tensor, second: torch.Tensor, tolerance: float, told: str) -> None:
    """Promise that scores differ by less than the tolerance, absolute and relative."""
    kept = torch.allclose(first.double(), second.double(), rtol=tolerance, atol=tolerance)
    promise(kept, f"{told}: scores differ by up to {(first.double() - second.double()).abs().max():.2g}")


def refused(
    strategy: Strategy, evidence: Mapping[str, Any], k: int, error: type[Exception], told: str
) -> None:
    """Promise that asking for k rows of this evidence raises the error."""
    try:
        query(strategy, evidence, k)
    except error:
        return
    raise AssertionError(f"{told} was not refused")


def unwritten(evidence: Mapping[str, Any]) -> None:
    """Promise that evidence still holds what `example` gave."""
    for name, value in example().items():
        promise(numbers_of(evidence[name]) == numbers_of(value), f"{name} was written to")
