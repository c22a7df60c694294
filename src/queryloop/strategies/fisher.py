"""Queries after which the last layer would be surest of what it says of the pool."""

from __future__ import annotations

import copy
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.picks import Picks
from queryloop.strategies.registry import strategy
from queryloop.strategies.sampled import at_most
from queryloop.values import Count

_LEAST = 1e-6  # of a row's own trace


@strategy(family="mixed", source="Ash et al. 2021, binary as by Huseljic et al. 2024", bounds=(0.0, None))
def bait(
    probs: Tensor,
    embeddings: Tensor,
    labeled_probs: Tensor,
    labeled_embeddings: Tensor,
    k: int,
    *,
    ridge: Annotated[float, Field(gt=0)] = 1.0,
    oversample: Annotated[float, Field(ge=1)] = 2.0,
    max_pool: Count = 50_000,
) -> Picks:
    """Rows whose labels tell most about the directions in which the pool is unsure (Fisher information).

    Formula: min over queries Q of tr(M^-1 F), M = ridge I + sum over labelled rows and Q of I(x), F the mean
    of I(x) over all rows, I(x) = p1 (1 - p1) h h^T, p1 = max p, h the embedding: that of a network which asks
    whether its likeliest class is right. Greedy: oversample * k rows are added, each lowering the trace most,
    then those removed, one by one, that raise it least. ridge is never less than a millionth of the largest
    trace of an I(x): the digits of a double would not tell rows apart.
    probs: (N, C); embeddings: (N, D); labeled_probs: (M, C); labeled_embeddings: (M, D), M may be 0. Returns
    Picks: how much the row lowered the trace when it was added, in [0, inf), in that order.
    Cost: oversample k N D for the pool (at most max_pool rows) and oversample k D^2, in double precision.
    Use: large batches on good features. A labelled row weighs as much as a new one; published code weighs the
    new ones k times as much.
    """
    n = at_most(max_pool, len(embeddings), k, "bait")
    pool = _Information(_roots(probs[:n], embeddings[:n]), _roots(labeled_probs, labeled_embeddings), ridge)
    added: dict[int, float] = {}
    while len(added) < min(n, round(oversample * k)):
        falls = pool.change(1)
        falls[[*added]] = -torch.inf
        row = int(falls.argmax())
        added[row] = max(0.0, float(falls[row]))
        pool.move(row, 1)
    kept = _most_missed(pool.of([*added]), k)
    positions, scores = torch.tensor([*added]), torch.tensor([*added.values()], dtype=probs.dtype)
    return Picks(positions.to(kept.device)[kept], scores.to(kept.device)[kept])


def _most_missed(few: _Information, k: int) -> Tensor:
    """The k rows that are left when those go one by one that are missed least, in their order."""
    left = torch.ones(len(few.rows), dtype=torch.bool, device=few.rows.device)
    for _ in range(len(left) - k):
        row = int(few.change(-1).masked_fill_(~left, torch.inf).argmin())
        left[row] = False
        few.move(row, -1)
    return left.nonzero().squeeze(1)


def _roots(probs: Tensor, embeddings: Tensor) -> Tensor:
    """v with v v^T = I(x), one a row: (N, D)."""
    likeliest = probs.double().amax(dim=1, keepdim=True)
    return (likeliest * (1 - likeliest)).clamp_(min=0).sqrt_() * embeddings.double()


class _Information:
    """P = M^-1, and for each row v of the pool a = v^T P v and b = v^T P F P v, as rows come and go."""

    def __init__(self, rows: Tensor, labeled: Tensor, ridge: float) -> None:
        known = labeled.T @ labeled
        ridge = max(ridge, _LEAST * float(rows.square().sum(dim=1).amax()))
        self.rows, self._fisher = rows, (rows.T @ rows + known) / (len(rows) + len(labeled))
        self._inverse = torch.linalg.inv(known + ridge * torch.eye(rows.shape[1]).to(rows))
        self._a = self._squares(self._inverse)
        self._b = self._squares(self._inverse @ self._fisher @ self._inverse)

    def _squares(self, matrix: Tensor) -> Tensor:
        """v^T matrix v of all rows."""
        return in_blocks(lambda rows: torch.linalg.vecdot(rows @ matrix, rows), self.rows)

    def of(self, places: list[int]) -> _Information:
        """The same for some of the rows."""
        few = copy.copy(self)
        few.rows, few._a, few._b = self.rows[places], self._a[places], self._b[places]
        return few

    def change(self, sign: int) -> Tensor:
        """How much the trace of P F falls where a row comes (sign 1), or rises where it goes (-1): (N,)."""
        return self._b / (1 + sign * self._a)

    def move(self, place: int, sign: int) -> None:
        """Let a row come or go: one rank more or less (Woodbury)."""
        u = self._inverse @ self.rows[place]
        scale = sign / (1 + sign * (self.rows[place] @ u))
        along = self._fisher @ u
        c, d = self.rows @ u, self.rows @ (self._inverse @ along)
        self._a = self._a - scale * c.square()
        self._b = self._b - 2 * scale * c * d + scale**2 * (u @ along) * c.square()
        self._inverse = self._inverse - scale * torch.outer(u, u)
