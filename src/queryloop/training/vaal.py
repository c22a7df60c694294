"""An autoencoder learns what all images have in common, a discriminator what sets the pool apart."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from queryloop.models.network import Network
from queryloop.models.vae import Autoencoder, LatentDiscriminator
from queryloop.randomness import derived_seed
from queryloop.training.batches import Batches
from queryloop.training.discriminating import Discriminating
from queryloop.training.objective import Losses


class Vaal(Discriminating):
    """The network is trained as without; two steps beside each of its own.

    Source: VAAL, Sinha et al. 2019, by the formulas: their code has the mean error of a pixel beside a
    divergence summed over the batch, which leaves the latent empty.
    """

    def __init__(self, losses: Losses, batches: Batches, pool: np.ndarray) -> None:
        super().__init__(losses, batches, pool)
        self.options = batches.options.vaal
        seed = derived_seed(batches.seed, len(batches.rows), "latent noise")
        self._draws = torch.Generator().manual_seed(seed)

    @property
    def rate(self) -> float:
        """Of autoencoder and discriminator."""
        return self.options.learning_rate

    def beside(self, network: Network, labelled: Tensor, pool: Tensor) -> float:
        """A step of the autoencoder, then one of the discriminator; nothing for the network."""
        pair = network.auxiliary
        assert isinstance(pair, LatentDiscriminator)
        bound, mean = self.negative_bound(pair.autoencoder, torch.cat([labelled, pool]))
        pair.discriminator.requires_grad_(False)
        caught = F.softplus(pair.discriminator.logits(mean)).mean()  # both sides are to look labelled
        pair.discriminator.requires_grad_(True)
        self.descend(pair.autoencoder, bound + self.options.adversary * caught)
        logits = pair.discriminator.logits(mean.detach())
        is_pool = torch.arange(2, device=logits.device).repeat_interleave(len(pool)).float()
        self.descend(pair.discriminator, F.binary_cross_entropy_with_logits(logits, is_pool))
        return 0.0

    def negative_bound(self, autoencoder: Autoencoder, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Evidence lower bound of an image, negated, on the mean of the batch; and the latent's mean (N, L).

        Half the squared error, summed over the pixels, + beta * divergence from the prior. inputs:
        (N, C, H, W), Gaussian with variance 1, constants left out.
        """
        mean, log_variance = autoencoder.encode(inputs)
        noise = torch.randn(mean.shape, generator=self._draws).to(mean.device)
        rebuilt = autoencoder.decode(mean + noise * (log_variance / 2).exp())
        error = F.mse_loss(rebuilt, inputs, reduction="sum")
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        return (error + self.options.beta * divergence) / (2 * len(inputs)), mean
