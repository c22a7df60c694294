"""The nearest rows of one set to each row of another."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from queryloop.strategies.geometry.points import Points, centred

_BLOCK = 2**20  # distances held at once: they stay in the cache


def nearest(queries: Tensor, base: Tensor, k: int, *, exclude_self: bool = False) -> tuple[Tensor, Tensor]:
    """Distances and row numbers of the k nearest rows of `base`, nearest first: both (Q, k).

    queries: (Q, D); base: (B, D). With `exclude_self` query i is row i of `base`, which it does not find.
    k is cut to the rows that there are. O(Q B D).
    """
    k = min(k, len(base) - exclude_self)
    base, queries = centred(base, queries)
    targets, sought = Points(base), Points(queries)
    distances = queries.new_empty(len(queries), k)
    indices = torch.empty_like(distances, dtype=torch.int64)
    for block in blocks_of(len(queries), len(base)):
        squares = sought.rows(block).squared_distances(targets)
        if exclude_self:
            squares[:, block].fill_diagonal_(math.inf)
        found = squares.topk(k, dim=1, largest=False)
        distances[block], indices[block] = found.values.sqrt_(), found.indices
    return distances, indices


def blocks_of(n: int, width: int, held: int = 0) -> list[slice]:
    """0..n-1 cut so that a block of rows times `width` distances are at most `held` numbers, _BLOCK for 0."""
    size = max(1, (held or _BLOCK) // max(1, width))
    return [slice(start, min(n, start + size)) for start in range(0, n, size)]
