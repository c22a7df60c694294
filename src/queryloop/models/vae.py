"""A variational autoencoder of images, and a discriminator on what it finds."""

from __future__ import annotations

import math

from torch import Tensor, nn

from queryloop.errors import OptionsError
from queryloop.models.discriminator import Discriminator
from queryloop.models.network import Seen

_CHANNELS = (16, 32, 64)


class Autoencoder(nn.Module):
    """Three convolutions that halve the image each, and as many that bring it back.

    shape: (H, W, C) of one image, any size from 1 on: halves are rounded up, and the way back knows
    every size. No batch normalisation: what it says of an image does not depend on the others.
    Source: Kingma and Welling 2014.
    """

    def __init__(self, shape: tuple[int, ...], latent: int) -> None:
        super().__init__()
        *size, n_channels = shape
        sizes = [tuple(math.ceil(n / 2**halving) for n in size) for halving in range(len(_CHANNELS) + 1)]
        channels = [n_channels, *_CHANNELS]
        n_features = channels[-1] * math.prod(sizes[-1])
        self.encoder = nn.Sequential(*map(_halving, channels, channels[1:]), nn.Flatten())
        self.mean = nn.Linear(n_features, latent)
        self.log_variance = nn.Linear(n_features, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, n_features),
            nn.Unflatten(1, (channels[-1], *sizes[-1])),
            *map(_growing, channels[:0:-1], channels[-2::-1], sizes[-2::-1]),
        )

    def encode(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log of the variance of the latent, (N, L) each, fp32, of inputs (N, C, H, W)."""
        features = self.encoder(inputs)
        return self.mean(features).float(), self.log_variance(features).float()

    def decode(self, latents: Tensor) -> Tensor:
        """Images (N, C, H, W), fp32, of latents (N, L)."""
        images: Tensor = self.decoder(latents).float()
        return images


class LatentDiscriminator(nn.Module):
    """An autoencoder and a discriminator on the mean of its latent: the network has no part in it.

    Source: VAAL, Sinha et al. 2019. Raises OptionsError for inputs that are no images.
    """

    def __init__(self, shape: tuple[int, ...], latent: int) -> None:
        super().__init__()
        if len(shape) != 3:
            raise OptionsError(
                f"training.auxiliary:vaal rebuilds images, but the network is given vectors of {shape[0]} "
                "features: take training.auxiliary:adversarial, or a network on the images."
            )
        self.autoencoder = Autoencoder(shape, latent)
        self.discriminator = Discriminator(latent)

    def forward(self, seen: Seen) -> Tensor:
        """The logits (N,) of a batch by its inputs, higher = looks unlabelled."""
        mean, _ = self.autoencoder.encode(seen.inputs)
        return self.discriminator.logits(mean)


def _halving(n_in: int, n_out: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), nn.ReLU())


def _growing(n_in: int, n_out: int, size: tuple[int, int]) -> nn.Module:
    """Activation first: the last convolution gives any number."""
    return nn.Sequential(nn.ReLU(), nn.Upsample(size), nn.Conv2d(n_in, n_out, 3, padding=1))
