"""Groups of rows that take turns."""

from __future__ import annotations

import torch
from torch import Tensor


def ranks(groups: Tensor, keys: Tensor) -> Tensor:
    """The place of each row in its group, 0 for the lowest key; equal keys in the order of the rows.

    groups: (N,) whole numbers from 0; keys: (N,). Returns (N,) int64. O(N log N).
    """
    order = keys.argsort(stable=True)
    order = order[groups[order].argsort(stable=True)]
    ranked = torch.empty_like(order)
    ranked[order] = torch.arange(len(order), device=order.device) - starts(groups)[groups[order]]
    return ranked


def starts(groups: Tensor) -> Tensor:
    """Where each group begins among rows sorted by group: (G,)."""
    sizes = groups.bincount()
    return sizes.cumsum(0) - sizes


def take_turns(groups: Tensor, keys: Tensor, precedence: Tensor, k: int) -> Tensor:
    """The k rows that are taken first when each group gives one row a turn for as long as it has any.

    groups: (N,) whole numbers from 0; keys: (N,), the order within a group, lowest first; precedence: (G,),
    the order of the groups within a turn, lowest first. Returns (k,) positions. So k is split equally over
    the groups, the rest goes to those of low precedence, and what a small group lacks to all others.
    """
    order = precedence[groups].argsort(stable=True)
    return order[ranks(groups, keys)[order].argsort(stable=True)[:k]]
