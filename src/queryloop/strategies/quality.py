"""How good a learned strategy's own predictor is: told where it is measured, kept by who asked for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger(__name__)

_kept: ContextVar[list[float]] = ContextVar("qualities")


def report_quality(strategy: str, value: float, rows: int) -> None:
    """Say how well a strategy's own predictor does on rows that it was not trained on.

    value: AUROC, in [0, 1], 0.5 = a guess. rows: held-out rows that it was measured on.
    """
    logger.info("%s: AUROC %.3f on %d held-out rows.", strategy, value, rows)
    if (kept := _kept.get(None)) is not None:
        kept.append(value)


@contextmanager
def qualities() -> Iterator[list[float]]:
    """A list that takes each value reported inside, in their order."""
    kept: list[float] = []
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)
