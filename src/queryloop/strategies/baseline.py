"""What every strategy is measured against."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from queryloop.strategies.registry import strategy


@strategy(family="baseline", source="simple random sampling", bounds=(0.0, 1.0))
def random(ids: np.ndarray, generator: torch.Generator) -> Tensor:
    """A uniform draw for each sample: the query is a random subset in random order.

    ids: (N,). Returns (N,) float64, in [0, 1).
    """
    return torch.rand(len(ids), generator=generator, dtype=torch.float64)
