"""Small convolutional network for small images."""

from __future__ import annotations

from torch import nn

from queryloop.options import ModelOptions

_GREY, _COLOURED = 16, 32


def cnn(shape: tuple[int, ...], options: ModelOptions) -> tuple[nn.Module, int]:
    """Five 3x3 convolutions, from `width` to four times `width` channels, and their maximum over the image.

    shape: (H, W, C) of one image; any H, W from 1 on, as pooling rounds up. Without a width images of one
    channel get 16, others 32. Returns the trunk and its number of features, 4 * width.
    """
    w = options.width or (_GREY if shape[2] == 1 else _COLOURED)
    trunk = nn.Sequential(
        *_convolution(shape[2], w, pool=True),
        *_convolution(w, 2 * w),
        *_convolution(2 * w, 2 * w, pool=True),
        *_convolution(2 * w, 4 * w, pool=True),
        *_convolution(4 * w, 4 * w),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
    )
    return trunk, 4 * w


def _convolution(n_in: int, n_out: int, *, pool: bool = False) -> list[nn.Module]:
    """Pooling comes before the normalisation, which then has a quarter of the values to read."""
    pooling: list[nn.Module] = [nn.MaxPool2d(2, ceil_mode=True)] if pool else []
    return [
        nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
        *pooling,
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    ]
