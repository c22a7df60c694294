"""What is quadratic by nature takes a seeded sample of the pool."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


def at_most(max_pool: int, n: int, k: int, asker: str) -> int:
    """How many rows of a pool in seeded order `asker` looks at: max_pool of n, but never fewer than k.

    A batch strategy gets its rows in seeded order, so the first m of them are a random sample. Says so
    in the log where rows are left out.
    """
    kept = min(n, max(max_pool, k))
    if kept < n:
        logger.warning("%s looks at a random %d of %d samples (option max_pool).", asker, kept, n)
    return kept
