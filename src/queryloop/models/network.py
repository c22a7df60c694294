"""The form that every network has: a trunk up to the embedding, and a linear head on it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Head(nn.Sequential):
    """Dropout and one linear layer, in fp32 even under autocast: it costs nothing and keeps ranks exact."""

    def __init__(self, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__(nn.Dropout(dropout), nn.Linear(n_features, n_classes))

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, K) of features (N, D)."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = super().forward(features)
        return logits


class Network(nn.Module):
    """Trunk and head; what lies between them is the embedding.

    trunk: maps (N, C, H, W) to (N, D). The head is the only place with dropout, so Monte Carlo
    dropout runs the trunk once and the head as often as it likes.
    """

    def __init__(self, trunk: nn.Module, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = Head(n_features, n_classes, dropout)

    def embed(self, inputs: Tensor) -> Tensor:
        """Input of the head. inputs: (N, C, H, W). Returns (N, D) fp32."""
        features: Tensor = self.trunk(inputs).float()
        return features

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, K), fp32, of inputs (N, C, H, W)."""
        logits: Tensor = self.head(self.embed(inputs))
        return logits
