"""Rows that stand more than once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from queryloop.strategies.blocks import in_blocks

_SEED = 20240229  # of the multipliers: any fixed number; hashes never leave this file


class Distinct(NamedTuple):
    """firsts: (U,), the first row of each kind, ascending; counts: (U,); repeats: (N - U,), ascending."""

    firsts: Tensor
    counts: Tensor
    repeats: Tensor


def distinct(rows: Tensor) -> Distinct:
    """Tell rows that are equal number by number from the first of their kind. rows: (N, D). O(N D)."""
    ordered, order = in_blocks(_hashes, rows).sort(stable=True)
    counts = ordered.unique_consecutive(return_counts=True)[1]
    firsts, kinds = order[counts.cumsum(0) - counts].sort()
    is_repeat = torch.ones_like(order, dtype=torch.bool)
    is_repeat[firsts] = False
    return Distinct(firsts, counts[kinds], is_repeat.nonzero().squeeze(1))


def _hashes(rows: Tensor) -> Tensor:
    """One 64-bit whole number for each row; -0 is 0."""
    bits = torch.int64 if rows.dtype == torch.float64 else torch.int32
    generator = torch.Generator().manual_seed(_SEED)
    factors = torch.randint(2**62, (rows.shape[1],), generator=generator).to(rows.device) * 2 + 1
    mixed = (rows + 0.0).contiguous().view(bits).long() * factors
    return (mixed ^ (mixed >> 29)).sum(dim=1)
