"""Made-up rows."""

from __future__ import annotations

import torch
from torch import Tensor


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64).to(dtype)


def outer(a: Tensor, h: Tensor) -> Tensor:
    return torch.einsum("nc,nd->ncd", a, h).flatten(1)


def blobs(count: int, per: int, width: int, seed: int = 0) -> Tensor:
    centres = 4 * normal(count, width, seed=seed)
    return centres.repeat_interleave(per, 0) + normal(count * per, width, seed=seed + 1)


def inertia(x: Tensor, labels: Tensor, centres: Tensor) -> float:
    return float((x - centres[labels]).square().sum())
