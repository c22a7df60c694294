"""A trunk that does not learn: what it makes of all images, computed once."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from queryloop import __version__
from queryloop.errors import NonFiniteError, NonFiniteRowsError
from queryloop.models.folding import folded
from queryloop.models.network import Network
from queryloop.models.registry import build, check, load_pretrained
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.randomness import derived_seed
from queryloop.training.checkpoint import digest
from queryloop.training.compute import isolated, resolve
from queryloop.training.pixels import Pixels
from queryloop.training.predict import collected

_BATCH = 16  # what a network makes of more images leaves the caches of a processor: half as fast
_HALF = 0.5


@dataclass(frozen=True)
class FrozenTrunk:
    """A network of which the trunk is used, in eval mode, and the pixels that it expects."""

    network: Network
    pixels: Pixels
    options: ModelOptions

    @property
    def n_features(self) -> int:
        """D, the length of a feature vector."""
        return self.network.head.n_features

    def features(self, images: np.ndarray, training: TrainingOptions) -> Iterator[np.ndarray]:
        """Features (n, D) of images (N, H, W, C) uint8, block by block, in their order.

        In fp32 whatever the precision of the training: they stand for many trainings. training: gives
        device and threads. Raises NonFiniteError.
        """
        compute = resolve(training.model_copy(update={"precision": "32"}))
        network = copy.deepcopy(self.network)
        network.trunk = folded(network.trunk)
        for start in range(0, len(images), _BATCH):
            rows = np.arange(start, min(start + _BATCH, len(images)))
            try:
                found = collected([network], _look, images, rows, self.pixels, compute, _BATCH, _ignore)
            except NonFiniteRowsError as error:
                raise NonFiniteError(
                    f"the frozen trunk {self.options.name} gave NaN or infinity for the image in row "
                    f"{start + error.first}: take model.freeze:none, or other weights."
                ) from None
            yield found["features"].numpy()

    def fingerprint(self, images: str) -> str:
        """16 hexadecimal digits for the features of images with this fingerprint.

        A hash of the trunk's very weights: seeds share the features of a pretrained trunk. Another
        version of torch or another device keeps them, although it may round differently.
        """
        scale = [self.pixels.mean, self.pixels.std]
        layers = str(self.network.trunk)  # their padding and the like are not among the weights
        said = [images, self._weights, layers, self.options.model_dump(), scale, __version__]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def _weights(self) -> str:
        state = self.network.trunk.state_dict()
        return digest({name: tensor.numpy(force=True) for name, tensor in state.items()})


def frozen_trunk(model: ModelOptions, shape: Sequence[int], seed: int) -> FrozenTrunk:
    """The trunk that the options name, with its published weights or fresh ones drawn from the seed.

    shape: (H, W, C) of one image. Raises OptionsError and MissingFilesError as `build` and
    `load_pretrained` do.
    """
    return _built(model.trunk, tuple(shape), 0 if model.pretrained else seed)  # no seed builds it again


@lru_cache(maxsize=1)
def _built(options: ModelOptions, shape: tuple[int, ...], seed: int) -> FrozenTrunk:
    with isolated(torch.get_num_threads()):
        torch.manual_seed(derived_seed(seed, 0, "weights of a frozen trunk"))
        network = build(options, shape, n_classes=2)  # of its head nothing is used
    load_pretrained(network, options, shape)
    return FrozenTrunk(network.requires_grad_(False).eval(), _pixels(options, shape[-1]), options)


def _pixels(options: ModelOptions, n_channels: int) -> Pixels:
    """Those that pretrained weights expect, else -1 to 1: no statistic of samples that may be test ones."""
    source = check(options).pretrained
    if options.pretrained and source is not None:
        return Pixels(*source.scale(n_channels))
    return Pixels([_HALF] * n_channels, [_HALF] * n_channels)


def _look(networks: Sequence[Network], inputs: Tensor) -> dict[str, Tensor]:
    return {"features": networks[0].embed(inputs)}


def _ignore(_rows: int) -> None:
    """The store of the features has a bar of its own."""
