"""Many points and the distances between them, by matrix products alone."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from queryloop.strategies.blocks import in_blocks

COPIES = 32  # units of precision by which a matrix product may hold two copies apart; measured: up to 10
_SAMPLED = 4096  # rows of which the mean is taken: where it lies exactly does not matter
_FAR = 4  # squared length of the mean in units of the variance from which on precision is worth a copy


class Points:
    """N points: the rows of one factor (N, D), or the outer products of the rows of two, never formed.

    squared_norms: (N,).
    """

    def __init__(self, *factors: Tensor) -> None:
        self.factors = factors
        self.squared_norms = _product(in_blocks(_squared_lengths, factor) for factor in factors)

    def __len__(self) -> int:
        return len(self.squared_norms)

    def rows(self, index: Tensor | slice) -> Points:
        """The points at these positions, in this order."""
        chosen = object.__new__(Points)
        chosen.factors = tuple(factor[index] for factor in self.factors)
        chosen.squared_norms = self.squared_norms[index]
        return chosen

    def squared_distances(self, other: Points) -> Tensor:
        """All squared distances, (len(self), len(other)); exactly 0 between copies.

        What lies within rounding of a copy counts as one: below 32 units of precision of the squared norm.
        """
        products = _product(mine @ theirs.T for mine, theirs in zip(self.factors, other.factors, strict=True))
        squares = products.mul_(-2).add_(self.squared_norms[:, None]).add_(other.squared_norms)
        rounding = self.squared_norms * (COPIES * torch.finfo(squares.dtype).eps)
        return squares.masked_fill_(squares <= rounding[:, None], 0)


def centred(points: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """The same sets of rows, moved so that the mean of the first is about 0, if it lies far from there.

    Distances stay, but far from the origin they would drown in rounding. points: (N, D); others: (M, D).
    """
    variance, mean = torch.var_mean(points[:_SAMPLED], dim=0, correction=0)
    if mean.square().sum() <= _FAR * variance.sum():
        return points, *others
    return tuple(rows - mean for rows in (points, *others))


def _squared_lengths(rows: Tensor) -> Tensor:
    return rows.square().sum(dim=1)


def _product(parts: Iterable[Tensor]) -> Tensor:
    return math.prod(parts)  # type: ignore[return-value]
