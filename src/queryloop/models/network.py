"""The form that every network has: a trunk up to the features, and a head on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from queryloop.models.heads import Head


class Seen(NamedTuple):
    """A batch on its way to the logits.

    inputs: (N, C, H, W), or (N, D) of a frozen trunk. features: (N, D), what the trunk makes of them.
    taps: what some of its layers give, by name, (N, channels) each, averaged over places.
    """

    inputs: Tensor
    features: Tensor
    taps: Mapping[str, Tensor]


class Network(nn.Module):
    """Trunk and head, and beside them, where there is one, an auxiliary that judges the samples.

    trunk: maps (N, C, H, W) to (N, D). head: the only place with dropout, so Monte Carlo dropout runs
    the trunk once and the head as often as it likes. stages: names of the trunk's parts whose outputs
    stand for its depths; all rectified layers where none are named. resolution: side in pixels to which
    images are scaled before the trunk. auxiliary: maps what was `Seen` to one number a sample, (N,).
    """

    def __init__(
        self, trunk: nn.Module, head: Head, stages: tuple[str, ...] = (), resolution: int | None = None
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head
        self.auxiliary: nn.Module | None = None
        self._stages, self.resolution = stages, resolution

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The layers whose activations may be asked for: those of the trunk that rectify, by name.

        Where it has none, as a trunk that passes features on, what it gives. Not the logits: softmax does
        not change when all of them shift, so their level means nothing.
        """
        parts = dict(self.trunk.named_modules())
        rectified = {name: parts[name] for name in parts if isinstance(parts[name], nn.ReLU | nn.ReLU6)}
        return rectified or {"features": self.trunk}

    @property
    def stages(self) -> dict[str, nn.Module]:
        """The parts of the trunk that an auxiliary may tap, by name."""
        return {name: self.trunk.get_submodule(name) for name in self._stages} or self.layers

    def embed(self, inputs: Tensor) -> Tensor:
        """Input of the head, (N, D) fp32. inputs: (N, C, H, W), or (N, D) features of a frozen trunk."""
        features: Tensor = self.trunk(_scaled(inputs, self.resolution)).float()
        return features

    def see(self, inputs: Tensor, layers: Mapping[str, nn.Module]) -> Seen:
        """The features of a batch, with taps at these layers; the trunk runs once."""
        with tapped(layers) as taps:
            features = self.embed(inputs)
        return Seen(inputs, features, taps)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, K), fp32, of inputs as `embed` takes them."""
        logits: Tensor = self.head(self.embed(inputs))
        return logits


def _scaled(images: Tensor, side: int | None) -> Tensor:
    """Images (N, C, H, W) as squares of this side, bilinear; what shrinks is smoothed first."""
    if side is None:
        return images
    shrinks = max(images.shape[2:]) > side
    return F.interpolate(images, (side, side), mode="bilinear", antialias=shrinks)


@contextmanager
def tapped(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Collect what the layers give while a network runs: (N, channels) fp32 each, averaged over places."""
    found: dict[str, Tensor] = {}

    def keep(name: str, _layer: nn.Module, _inputs: object, output: Tensor) -> None:
        found[name] = output.float().flatten(2).mean(dim=2) if output.ndim > 2 else output.float()

    hooks = [layer.register_forward_hook(partial(keep, name)) for name, layer in layers.items()]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
