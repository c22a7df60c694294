"""A discriminator: does a sample look like the labelled ones, or like those without a label?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from queryloop.models.network import Seen

_LEAST_WIDTH = 64


class Discriminator(nn.Module):
    """Two hidden layers, each as wide as the features (at least 64), in fp32 even under autocast.

    Source: Shui et al. 2020; on the 512 features of a ResNet-18 it is 512-512-512-1.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        width = max(_LEAST_WIDTH, n_features)
        self.layers = nn.Sequential(
            nn.Linear(n_features, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 1),
        )

    def forward(self, seen: Seen) -> Tensor:
        """The logits (N,) of a batch by its features."""
        return self.logits(seen.features)

    def lower(self, level: float) -> None:
        """Take so much off every logit."""
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias.sub_(level)

    def logits(self, vectors: Tensor) -> Tensor:
        """Logits (N,) of vectors (N, D), higher = looks unlabelled."""
        with torch.autocast(vectors.device.type, enabled=False):
            logits: Tensor = self.layers(vectors.float()).squeeze(1)
        return logits
