"""From rows of an array, of images or of features, to the input of a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

_MEMORY = 1 << 22  # bytes of the images counted at once; counting takes eight times as many
_LEVELS = np.arange(256) / 255


@dataclass(frozen=True)
class Pixels:
    """Mean and standard deviation of each channel, in units where white is 1, or of each feature."""

    mean: list[float]
    std: list[float]

    def normalise(self, images: Tensor) -> Tensor:
        """Zero mean and unit variance by channel. images: (N, C, H, W) in [0, 1], or (N, D)."""
        by_channel = (-1,) + (1,) * (images.ndim - 2)
        mean, std = (images.new_tensor(v).view(by_channel) for v in (self.mean, self.std))
        return (images - mean) / std


def load(images: np.ndarray, rows: np.ndarray, device: str) -> Tensor:
    """Copy rows out of the array. images: (M, H, W, C) uint8. Returns (N, C, H, W) fp32 in [0, 1].

    The result is channels-last in memory, as the array is. Features (M, D) fp32 stay what they are.
    """
    pixels = torch.from_numpy(images[rows]).to(device)
    if pixels.ndim == 2:
        return pixels
    return pixels.permute(0, 3, 1, 2).to(torch.float32).div_(255)


def measure(images: np.ndarray, rows: np.ndarray) -> Pixels:
    """Statistics of these rows, from exact counts of the 256 levels.

    A constant channel gets the standard deviation of one level, so that it becomes zero, not NaN.
    Features (M, D) get means of their own and one standard deviation, that of all: one that is quiet in
    these rows would else be loud in others.
    """
    if images.ndim == 2:
        return _of_features(images, rows)
    counts = np.zeros((images.shape[-1], 256), dtype=np.int64)
    for part in _parts(images, rows):
        for channel, row in enumerate(counts):
            row += np.bincount(part[..., channel].ravel(), minlength=256)
    shares = counts / counts.sum(axis=1, keepdims=True)
    mean = shares @ _LEVELS
    variance = (shares * (_LEVELS - mean[:, None]) ** 2).sum(axis=1)
    return Pixels(mean.tolist(), np.maximum(np.sqrt(variance), 1 / 255).tolist())


def _of_features(features: np.ndarray, rows: np.ndarray) -> Pixels:
    mean = sum(part.sum(axis=0, dtype=np.float64) for part in _parts(features, rows)) / len(rows)
    squares = sum(np.square(part - mean).sum() for part in _parts(features, rows))
    std = float(np.sqrt(squares / (len(rows) * len(mean)))) or 1.0
    return Pixels(mean.tolist(), [std] * len(mean))


def _parts(array: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """These rows in turn, as many at a time as take `_MEMORY` bytes, but one at least."""
    n = max(1, _MEMORY // (array.itemsize * prod(array.shape[1:])))
    for start in range(0, len(rows), n):
        yield array[rows[start : start + n]]
