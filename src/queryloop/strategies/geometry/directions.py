"""The few directions in which rows differ most."""

from __future__ import annotations

import torch
from torch import Tensor

_SAMPLED = 8192  # rows that tell where the others lie
_ROUNDS = 2  # of the power iteration; with more the clusters are no better


def directions(rows: Tensor, weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Orthonormal directions that hold nearly the most variance that so many can: (D, count).

    rows: (N, D) with their mean near 0, count <= D; weights: (N,), how much each counts. A randomised power
    iteration over 8,192 rows (Halko et al. 2011), O(D count) for each of them.
    """
    some = torch.randperm(len(rows), generator=generator)[:_SAMPLED].to(rows.device)
    sample, heavy = rows[some], weights[some, None]
    largest = sample.abs().amax().clamp(min=torch.finfo(rows.dtype).tiny)
    sample /= largest  # squares of large ones would overflow
    found = torch.randn(rows.shape[1], count, generator=generator, dtype=rows.dtype).to(rows.device)
    for _ in range(_ROUNDS):
        found = torch.linalg.qr(sample.T @ (heavy * (sample @ found))).Q
    return found
