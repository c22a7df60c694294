"""Modules that are trained beside a network to judge samples, by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from queryloop.models.loss_head import LossHead
from queryloop.models.network import Network

Constructor = Callable[[Network, tuple[int, ...]], nn.Module]

AUXILIARIES: dict[str, Constructor] = {"learning_loss": LossHead}
"""From a network and the shape of one input to the module; its weights come from torch's random state."""


def attach(name: str, network: Network, shape: tuple[int, ...]) -> None:
    """Give the network the auxiliary of this name, with fresh weights; nothing for `none`."""
    if name != "none":
        network.auxiliary = AUXILIARIES[name](network, shape)
