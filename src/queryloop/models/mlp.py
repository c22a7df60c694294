"""Multilayer perceptron on the flattened image."""

from __future__ import annotations

import math

from torch import nn

from queryloop.options import ModelOptions

_WIDTH = 64


def mlp(shape: tuple[int, ...], options: ModelOptions) -> tuple[nn.Module, int]:
    """Two hidden layers with `width` units each. shape: (H, W, C) of one image. Returns trunk and width."""
    w = options.width or _WIDTH
    trunk = nn.Sequential(nn.Flatten(), *_layer(math.prod(shape), w), *_layer(w, w))
    return trunk, w


def _layer(n_in: int, n_out: int) -> list[nn.Module]:
    return [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]
