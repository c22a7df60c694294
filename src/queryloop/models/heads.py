"""What turns the features of a trunk into logits: the only place with dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from queryloop.randomness import derived_seed


class LinearHead(nn.Sequential):
    """Dropout and one linear layer, in fp32 even under autocast: it costs nothing and keeps ranks exact."""

    def __init__(self, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__(nn.Dropout(dropout), nn.Linear(n_features, n_classes))
        self.rate, self.n_features = dropout, n_features

    @property
    def linear(self) -> nn.Linear:
        """The last layer; its input is the embedding."""
        last = self[1]
        assert isinstance(last, nn.Linear)
        return last

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, K) of features (N, D)."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = super().forward(features)
        return logits

    def embedding(self, features: Tensor) -> Tensor:
        """Input of the last layer without dropout: here the features themselves."""
        return features

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
