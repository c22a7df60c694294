"""From scores to a query: the one place where ties are broken and k is checked."""

from __future__ import annotations

import operator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from queryloop.errors import InputError
from queryloop.randomness import bits_by_id
from queryloop.strategies.checks import refuse_non_finite


class Picks(NamedTuple):
    """A query: row numbers in the pool, best first, and the score of each at its pick. Both (k,)."""

    positions: Tensor
    scores: Tensor


NOTHING = Picks(torch.empty(0, dtype=torch.int64), torch.empty(0))


def top_k(scores: Tensor, ids: np.ndarray, *, k: int, seed: int) -> Picks:
    """The k highest scores, highest first; equal ones in an order drawn from (seed, id).

    scores: (N,), any device. ids: (N,). O(N): only the rows that reach the k-th score are sorted.
    Raises NonFiniteError for NaN or infinity, InputError for a k outside 0..N or lengths that differ.
    """
    if scores.shape != ids.shape:
        raise InputError(f"`scores` and `ids` disagree on N: shapes {tuple(scores.shape)} and {ids.shape}.")
    refuse_non_finite("scores", scores, ids)
    k = checked_k(k, len(ids))
    if k == 0:
        return NOTHING
    lowest = scores.topk(k, sorted=False).values.min()
    reaching = (scores >= lowest).nonzero().squeeze(1).cpu()
    kept = scores.detach().cpu()[reaching]
    draw = bits_by_id(seed, 0, "ties", ids[reaching.numpy()])
    order = torch.from_numpy(np.lexsort((draw, -kept.numpy()))[:k])
    return Picks(reaching[order], kept[order])


def seeded_order(ids: np.ndarray, seed: int) -> np.ndarray:
    """Row numbers in an order drawn from (seed, id): the same rows first, however the pool is sorted.

    ids: (N,). Returns (N,). What a greedy method or a generator meets first is then a seeded draw.
    """
    return np.argsort(bits_by_id(seed, 0, "rows", ids))


def checked_k(k: int, n: int) -> int:
    """`k` as an int. Raises InputError where it is no whole number from 0 to n, the size of the pool."""
    try:
        whole = operator.index(k)
    except TypeError:
        raise InputError(f"k must be a whole number, not {k!r}.") from None
    if not 0 <= whole <= n:
        raise InputError(f"k is {whole}, but must lie between 0 and {n}, the number of samples in the pool.")
    return whole
