"""Small convolutional network for small images."""

from __future__ import annotations

from torch import nn

from queryloop.models.network import Network
from queryloop.options import ModelOptions


def cnn(shape: tuple[int, int, int], n_classes: int, options: ModelOptions) -> Network:
    """Five convolutions, from `width` to four times `width` channels. shape: (H, W, C) of one image.

    Any H, W from 1 on: pooling rounds up.
    """
    w = options.width
    trunk = nn.Sequential(
        *_convolution(shape[2], w, pool=True),
        *_convolution(w, 2 * w, pool=False),
        *_convolution(2 * w, 2 * w, pool=True),
        *_convolution(2 * w, 4 * w, pool=False),
        *_convolution(4 * w, 4 * w, pool=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return Network(trunk, 4 * w, n_classes, options.dropout)


def _convolution(n_in: int, n_out: int, *, pool: bool) -> list[nn.Module]:
    """Pooling comes before the normalisation, which then has a quarter of the values to read."""
    layers: list[nn.Module] = [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)]
    if pool:
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return [*layers, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
