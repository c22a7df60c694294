"""What each training step minimises: the loss of the task, and what an auxiliary adds to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, Protocol, TypeVar

import numpy as np
from torch import Tensor, nn

from queryloop.models.network import Network
from queryloop.training.batches import Batches

Losses = Callable[[Tensor, Tensor], Tensor]
"""From fp32 logits (N, K) and targets to the loss of each sample, (N,)."""


N = TypeVar("N", bound=nn.Module, contravariant=True)


class Steps(Protocol):
    """The batches of a training: as many as there are gradient steps, the same at each iteration."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]: ...


class Minimised(Protocol[N]):
    """What each step of a training minimises."""

    def parameters(self, network: nn.Module) -> Iterable[nn.Parameter]:
        """What the optimiser of the network trains."""

    def plain(self) -> Minimised[N]:
        """The same without state and without anything beside the network: for a trial."""

    def __call__(self, network: N, inputs: Tensor, targets: Tensor, progress: float) -> Tensor:
        """The scalar to minimise. progress: share of the training that is done, in [0, 1)."""


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

    def plain(self) -> Objective:
        """The loss of the task alone."""
        return Objective(self.losses, self.batches, self.pool)

    def __call__(self, network: Network, inputs: Tensor, targets: Tensor, progress: float) -> Tensor:  # noqa: ARG002
        """The scalar to minimise. progress: share of the training that is done, in [0, 1)."""
        return self.losses(network(inputs), targets).mean()

    def finish(self, network: Network) -> None:
        """After the last step: give the auxiliary the form in which strategies read it."""

    def quality(self, network: Network) -> float | None:
        """How good the auxiliary is on samples that it was not trained on; None without one."""
