"""Many points and the distances between them, by matrix products alone."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.checks import refuse_non_finite

COPIES = 32  # units of precision by which a matrix product may hold two copies apart; measured: up to 10
_SAMPLED = 4096  # rows of which the mean is taken: where it lies exactly does not matter
_FAR = 4  # squared length of the mean in units of the variance from which on precision is worth a copy


class Points:
    """N points: the rows of one factor (N, D), or the outer products of the rows of two, never formed.

    squared_norms: (N,). Raises NonFiniteError where one of them is beyond the precision's range.
    """

    def __init__(self, *factors: Tensor) -> None:
        self.factors = factors
        self.squared_norms = _product(in_blocks(_squared_lengths, factor) for factor in factors)
        refuse_non_finite("squared lengths of the embeddings", self.squared_norms, None)

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
        squares = self._without_norms(other).add_(self.squared_norms[:, None])
        return squares.masked_fill_(squares <= self._rounding()[:, None], 0)

    def least_squared_distances(self, other: Points) -> Tensor:
        """The least of each row of `squared_distances`, (len(self),), in a third of the passes over it."""
        squares = self._without_norms(other).amin(dim=1).add_(self.squared_norms)
        return squares.masked_fill_(squares <= self._rounding(), 0)

    def _without_norms(self, other: Points) -> Tensor:
        """|y|^2 - 2 x.y of all pairs: squared distances but for the squared norm of x."""
        if len(self.factors) == 1:
            return torch.addmm(other.squared_norms, self.factors[0], other.factors[0].T, alpha=-2)
        products = (mine @ theirs.T for mine, theirs in zip(self.factors, other.factors, strict=True))
        return torch.addcmul(other.squared_norms, *products, value=-2)

    def _rounding(self) -> Tensor:
        return self.squared_norms * (COPIES * torch.finfo(self.squared_norms.dtype).eps)


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
