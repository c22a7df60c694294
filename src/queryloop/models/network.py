"""The form that every network has: a trunk up to the embedding, and a linear head on it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """Trunk and head; what lies between them is the embedding.

    trunk: maps (N, C, H, W) to (N, D). head: dropout and one linear layer, the only place with
    dropout, so Monte Carlo dropout runs the trunk once and the head as often as it likes.
    """

    def __init__(self, trunk: nn.Module, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(n_features, n_classes))

    def embed(self, inputs: Tensor) -> Tensor:
        """Input of the last linear layer, before dropout. inputs: (N, C, H, W). Returns (N, D)."""
        features: Tensor = self.trunk(inputs)
        return features

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, K) of inputs (N, C, H, W)."""
        logits: Tensor = self.head(self.embed(inputs))
        return logits

    def linear(self) -> tuple[Tensor, Tensor]:
        """Weight (K, D) and bias (K,) of the last linear layer."""
        last = self.head[-1]
        return torch.as_tensor(last.weight), torch.as_tensor(last.bias)
