"""What each training step minimises: the loss of the task, and what an auxiliary adds to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from queryloop.models.network import Network
from queryloop.training.batches import Batches

Losses = Callable[[Tensor, Tensor], Tensor]
"""From fp32 logits (N, K) and targets to the loss of each sample, (N,)."""


class Objective:
    """The mean loss of a batch: nothing is trained beside the network.

    An auxiliary has a subclass under its name in training/registry.py and a module under the same name
    in models/auxiliary.py, which is `network.auxiliary` by then. The subclass gets the labelled batches
    (with images, pixels, options, seed and device) and the rows of the pool (none where all is
    labelled), and may take steps of its own, which it counts.
    """

    uses_pool: ClassVar[bool] = False
    steps = 0
    """Gradient steps taken beside those of the network."""

    def __init__(self, losses: Losses, batches: Batches, pool: np.ndarray) -> None:
        self.losses, self.batches, self.pool = losses, batches, pool

    def parameters(self, network: nn.Module) -> Iterable[nn.Parameter]:
        """What the optimiser of the network trains."""
        return network.parameters()

    def __call__(self, network: Network, inputs: Tensor, targets: Tensor, progress: float) -> Tensor:  # noqa: ARG002
        """The scalar to minimise. progress: share of the training that is done, in [0, 1)."""
        return self.losses(network(inputs), targets).mean()

    def quality(self, network: Network) -> float | None:
        """How good the auxiliary is on samples that it was not trained on; None without one."""
