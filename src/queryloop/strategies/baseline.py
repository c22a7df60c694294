"""What every strategy is measured against."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from queryloop.strategies.registry import strategy


@strategy(family="baseline", source="simple random sampling", bounds=(0.0, 1.0))
def random(ids: np.ndarray, generator: torch.Generator) -> Tensor:
    """A uniform draw for each sample: the query is a random subset in random order.

    Formula: u, uniform on [0, 1).
    ids: (N,). Returns (N,) float64, in [0, 1).
    Cost: N draws. Use: always, beside any other strategy: what does not beat it is not worth its cost.
    """
    return torch.rand(len(ids), generator=generator, dtype=torch.float64)


@strategy(family="baseline", source="least_confidence with the wrong sign", bounds=(None, 1.0))
def negative_control(probs: Tensor) -> Tensor:
    """The most certain first: a strategy that must lose to random.

    Formula: max p.
    probs: (N, C), rows sum to 1. Returns (N,), in [1 / C, 1]; 1 at a certain row.
    Cost: N C. Use: never to label. Run it beside random to see that a comparison can tell good from bad;
    it is worse than random by design.
    """
    return probs.amax(dim=1)
