"""Modules that are trained beside a network to judge samples, by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from queryloop.models.discriminator import Discriminator
from queryloop.models.loss_head import LossHead
from queryloop.models.network import Network
from queryloop.models.vae import LatentDiscriminator
from queryloop.options import TrainingOptions

Constructor = Callable[[Network, tuple[int, ...], TrainingOptions], nn.Module]

AUXILIARIES: dict[str, Constructor] = {
    "adversarial": lambda network, _shape, _options: Discriminator(network.head.n_features),
    "learning_loss": lambda network, shape, _options: LossHead(network, shape),
    "vaal": lambda _network, shape, options: LatentDiscriminator(shape, options.vaal.latent),
}
"""From a network and the shape of one input, (H, W, C) or (D,), to the module, its weights drawn by torch."""


def attach(network: Network, shape: tuple[int, ...], options: TrainingOptions) -> None:
    """Give the network the auxiliary that is trained beside it, with fresh weights; nothing for `none`."""
    if options.beside != "none":
        network.auxiliary = AUXILIARIES[options.beside](network, shape, options)
