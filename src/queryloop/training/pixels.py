"""From rows of an array, of images or of features, to the input of a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_CHUNK = 4096  # images counted at once
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
        features = images[rows].astype(np.float64)
        mean = features.mean(axis=0)
        std = float((features - mean).std()) or 1.0
        return Pixels(mean.tolist(), [std] * len(mean))
    counts = np.zeros((images.shape[-1], 256), dtype=np.int64)
    for start in range(0, len(rows), _CHUNK):
        part = images[rows[start : start + _CHUNK]]
        for channel, row in enumerate(counts):
            row += np.bincount(part[..., channel].ravel(), minlength=256)
    shares = counts / counts.sum(axis=1, keepdims=True)
    mean = shares @ _LEVELS
    variance = (shares * (_LEVELS - mean[:, None]) ** 2).sum(axis=1)
    return Pixels(mean.tolist(), np.maximum(np.sqrt(variance), 1 / 255).tolist())
