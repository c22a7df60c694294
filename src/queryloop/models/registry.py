"""The networks by name."""

from __future__ import annotations

from collections.abc import Callable

from queryloop.errors import unknown
from queryloop.models.cnn import cnn
from queryloop.models.mlp import mlp
from queryloop.models.network import Network
from queryloop.options import ModelOptions

Constructor = Callable[[tuple[int, int, int], int, ModelOptions], Network]

MODELS: dict[str, Constructor] = {"cnn": cnn, "mlp": mlp}


def build(options: ModelOptions, shape: tuple[int, int, int], n_classes: int) -> Network:
    """A network with fresh weights from torch's random state.

    shape: (H, W, C) of one image. Raises OptionsError for an unknown name.
    """
    if options.name not in MODELS:
        raise unknown("model", options.name, MODELS)
    return MODELS[options.name](shape, n_classes, options)
