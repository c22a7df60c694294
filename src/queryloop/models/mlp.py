"""Multilayer perceptron on the flattened image."""

from __future__ import annotations

import math

from torch import nn

from queryloop.models.heads import LinearHead
from queryloop.models.network import Network
from queryloop.options import ModelOptions

_WIDTH = 64


def mlp(shape: tuple[int, int, int], n_classes: int, options: ModelOptions) -> Network:
    """Two hidden layers with `width` units each. shape: (H, W, C) of one image."""
    w = options.width or _WIDTH
    trunk = nn.Sequential(nn.Flatten(), *_layer(math.prod(shape), w), *_layer(w, w))
    return Network(trunk, LinearHead(w, n_classes, options.dropout_rate))


def _layer(n_in: int, n_out: int) -> list[nn.Module]:
    return [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]
