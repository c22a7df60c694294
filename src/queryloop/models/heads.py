"""What turns the features of a trunk into logits: the only place with dropout."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from queryloop.randomness import derived_seed


def dropout_masks(rate: float, n_dropped: int, n: int, seed: int) -> Tensor:
    """n masks (n, n_dropped), mask t drawn from (seed, t) alone: 0, or 1 / (1 - rate)."""
    draws = [torch.Generator().manual_seed(derived_seed(seed, t, "dropout mask")) for t in range(n)]
    uniform = torch.stack([torch.rand(n_dropped, generator=draw) for draw in draws])
    return (uniform >= rate) / (1 - rate)


class Head(nn.Sequential):
    """Layers that end with a linear one, in fp32 even under autocast: it costs nothing, ranks stay exact.

    rate: of every dropout in it. n_dropped: features that are dropped or kept, over all dropouts.
    """

    def __init__(self, layers: list[nn.Module], dropout: float, n_dropped: int) -> None:
        super().__init__(*layers)
        self.rate, self.n_dropped = dropout, n_dropped

    @property
    def n_features(self) -> int:
        """Features that go in."""
        return next(layer.in_features for layer in self if isinstance(layer, nn.Linear))

    @property
    def linear(self) -> nn.Linear:
        """The last layer; its input is the embedding."""
        last = self[-1]
        assert isinstance(last, nn.Linear)
        return last

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, K) of features (N, D)."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = super().forward(features)
        return logits

    def masks(self, n: int, seed: int) -> Tensor:
        """n dropout masks (n, n_dropped), mask t drawn from (seed, t) alone: 0, or 1 / (1 - rate)."""
        return dropout_masks(self.rate, self.n_dropped, n, seed)

    @abstractmethod
    def embedding(self, features: Tensor) -> Tensor:
        """Input of the last layer without dropout."""

    @abstractmethod
    def under(self, masks: Tensor, features: Tensor) -> Tensor:
        """Logits (N, T, K) of features (N, D) under masks (T, n_dropped), in eval mode."""


class LinearHead(Head):
    """Dropout and one linear layer."""

    def __init__(self, n_features: int, n_classes: int, dropout: float) -> None:
        super().__init__([nn.Dropout(dropout), nn.Linear(n_features, n_classes)], dropout, n_features)

    def embedding(self, features: Tensor) -> Tensor:
        """The features themselves."""
        return features

    def under(self, masks: Tensor, features: Tensor) -> Tensor:
        """One matrix product for all masks."""
        with torch.autocast(features.device.type, enabled=False):
            return _masked(self.linear, masks, features)


class MlpHead(Head):
    """Three linear layers: D to D, to D / 4, to the classes; batch norm, ReLU and dropout between them.

    Source: Full Stack Deep Learning's active-learning project, there 2,048 to 512.
    """

    def __init__(self, n_features: int, n_classes: int, dropout: float) -> None:
        widths = (n_features, max(n_features // 4, n_classes))
        layers: list[nn.Module] = [nn.Linear(n_features, n_features)]
        for width, following in zip(widths, (widths[1], n_classes), strict=True):
            layers += [nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, following)]
        super().__init__(layers, dropout, sum(widths))
        self._widths = widths

    def embedding(self, features: Tensor) -> Tensor:
        """The second hidden layer, in eval mode."""
        with torch.autocast(features.device.type, enabled=False):
            return self._through(0, -2, features)

    def under(self, masks: Tensor, features: Tensor) -> Tensor:
        """The first layer once, the others once a mask, all masks in one product."""
        first, second = masks.split(self._widths, dim=1)
        middle = self[4]
        assert isinstance(middle, nn.Linear)
        with torch.autocast(features.device.type, enabled=False):
            hidden = _masked(middle, first, self._through(0, 3, features))
            hidden = self._through(5, 7, hidden.flatten(0, 1)).unflatten(0, hidden.shape[:2])
            logits: Tensor = self.linear(hidden * second)
        return logits

    def _through(self, start: int, stop: int, features: Tensor) -> Tensor:
        for layer in list(self)[start:stop]:
            features = layer(features)
        return features


def _masked(linear: nn.Linear, masks: Tensor, features: Tensor) -> Tensor:
    """Output (N, T, K) of a layer for features (N, D) under masks (T, D).

    A mask on the features is a mask on the columns of the weights: one matrix product for all T.
    """
    weights = masks[:, None] * linear.weight
    output = features @ weights.flatten(0, 1).T
    return output.unflatten(1, weights.shape[:2]) + linear.bias


HEADS: dict[str, Callable[[int, int, float], Head]] = {"linear": LinearHead, "mlp": MlpHead}
