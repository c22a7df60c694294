"""The form that every network has: a trunk up to the embedding, and a linear head on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from queryloop.randomness import derived_seed


class Head(nn.Sequential):
    """Dropout and one linear layer, in fp32 even under autocast: it costs nothing and keeps ranks exact."""

    def __init__(self, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__(nn.Dropout(dropout), nn.Linear(n_features, n_classes))
        self.rate, self.n_features = dropout, n_features

    @property
    def linear(self) -> nn.Linear:
        """The last layer."""
        last = self[1]
        assert isinstance(last, nn.Linear)
        return last

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, K) of features (N, D)."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = super().forward(features)
        return logits

    def masks(self, n: int, seed: int) -> Tensor:
        """n dropout masks (n, D), mask t drawn from (seed, t) alone: 0, or 1 / (1 - rate)."""
        draws = [torch.Generator().manual_seed(derived_seed(seed, t, "dropout mask")) for t in range(n)]
        uniform = torch.stack([torch.rand(self.n_features, generator=draw) for draw in draws])
        return (uniform >= self.rate) / (1 - self.rate)

    def under(self, masks: Tensor, features: Tensor) -> Tensor:
        """Logits (N, T, K) of features (N, D) under masks (T, D).

        A mask on the features is a mask on the columns of the weights: one matrix product for all T.
        """
        weights = masks[:, None] * self.linear.weight
        with torch.autocast(features.device.type, enabled=False):
            logits = features @ weights.flatten(0, 1).T
        return logits.unflatten(1, weights.shape[:2]) + self.linear.bias


class Network(nn.Module):
    """Trunk and head; what lies between them is the embedding.

    trunk: maps (N, C, H, W) to (N, D). The head is the only place with dropout, so Monte Carlo
    dropout runs the trunk once and the head as often as it likes.
    """

    def __init__(self, trunk: nn.Module, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = Head(n_features, n_classes, dropout)

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The layers whose activations may be asked for: every rectified one of the trunk, by name.

        Not the logits: softmax does not change when all of them shift, so their level means nothing.
        """
        return {name: part for name, part in self.trunk.named_modules() if isinstance(part, nn.ReLU)}

    def embed(self, inputs: Tensor) -> Tensor:
        """Input of the head. inputs: (N, C, H, W). Returns (N, D) fp32."""
        features: Tensor = self.trunk(inputs).float()
        return features

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, K), fp32, of inputs (N, C, H, W)."""
        logits: Tensor = self.head(self.embed(inputs))
        return logits


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
