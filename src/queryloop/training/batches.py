"""The mini-batches of one training: how many, in what order, and with what input."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from queryloop.options import TrainingOptions
from queryloop.randomness import derived_seed, generator
from queryloop.training.augment import augmentation
from queryloop.training.pixels import Pixels, load


def gradient_steps(n: int, options: TrainingOptions) -> int:
    """Steps of a training on n samples: a function of their number only, so of no strategy."""
    return max(options.min_steps, options.epochs * math.ceil(n / options.batch_size))


def positions(n: int, batch_size: int, steps: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """`steps` batches of positions in 0..n-1, each pass over them in a new order.

    A pass is cut into batches of equal size (up to one), never into full ones and a small rest: the
    number of steps stays exact, and batch normalisation never meets a stray single sample. Where a
    batch can only have one sample, it has that sample twice.
    """
    per_pass = math.ceil(n / batch_size)
    for step in range(steps):
        if step % per_pass == 0:
            parts = np.array_split(rng.permutation(n), per_pass)
        part = parts[step % per_pass]
        yield part if len(part) > 1 else np.repeat(part, 2)


@dataclass(frozen=True)
class Batches:
    """Iterable over (input, target) of every gradient step, made as it is asked for.

    images: (M, H, W, C) uint8, or features (M, D) fp32. rows: (N,) positions in it. targets: (N,)
    whatever the loss takes.
    Two iterations give the same batches: the draws come from (seed, N, purpose) alone.
    """

    images: np.ndarray
    rows: np.ndarray
    targets: np.ndarray
    pixels: Pixels
    options: TrainingOptions
    seed: int
    device: str

    def __len__(self) -> int:
        return gradient_steps(len(self.rows), self.options)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        n = len(self.rows)
        order = generator(self.seed, n, "batch order")
        draws = torch.Generator().manual_seed(derived_seed(self.seed, n, "augmentation"))
        targets = torch.tensor(self.targets, device=self.device)
        for part in positions(n, self.options.batch_size, len(self), order):
            yield self.augmented(self.rows[part], draws), targets[torch.from_numpy(part)]

    def augmented(self, rows: np.ndarray, draws: torch.Generator) -> Tensor:
        """Input (N, C, H, W), or (N, D), of these rows of the images, as training sees it."""
        images = load(self.images, rows, self.device)
        return self.pixels.normalise(augmentation(self.options.augmentation)(images, draws))
