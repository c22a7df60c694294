"""The mini-batches of patches of one training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from queryloop.options import TrainingOptions
from queryloop.randomness import derived_seed, generator
from queryloop.training.batches import gradient_steps
from queryloop.training.volumes.augment import augmentation
from queryloop.training.volumes.cases import Annotated, known, patch
from queryloop.training.volumes.sampler import Sampler
from queryloop.voxels import Triple

JITTER = 0.5
"""See `Sampler`."""


@dataclass(frozen=True)
class VolumeBatches:
    """Iterable over (images (B, C, z, y, x) fp32, labels (B, z, y, x) uint8) of every gradient step.

    size: voxels (z, y, x) of a patch. spacing: of a voxel. Two iterations give the same batches: the
    draws come from (seed, number of parts, purpose) alone. Raises InputError as `Sampler` does.
    """

    cases: Sequence[Annotated]
    size: Triple
    spacing: Sequence[float]
    options: TrainingOptions
    seed: int
    device: str

    @property
    def n_parts(self) -> int:
        """Labelled parts of all cases: what is counted as a sample."""
        return sum(len(case.parts) for case in self.cases)

    def __len__(self) -> int:
        return gradient_steps(self.n_parts, self.options)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        draws = generator(self.seed, self.n_parts, "patches")
        changes = torch.Generator().manual_seed(derived_seed(self.seed, self.n_parts, "augmentation"))
        augment = augmentation(self.options.augmentation)
        sampler = Sampler(self.cases, self.size, JITTER, draws)
        for _ in range(len(self)):
            images, labels = self._cut(sampler, draws)
            yield augment(images, labels, self.spacing, changes)

    def _cut(self, sampler: Sampler, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
        places = [sampler.draw(draws) for _ in range(self.options.batch_size)]
        images = [patch(self.cases[case].image, corner, self.size) for case, corner in places]
        labels = [known(self.cases[case].parts, corner, self.size) for case, corner in places]
        return _tensor(images, self.device), _tensor(labels, self.device)


def _tensor(arrays: Sequence[np.ndarray], device: str) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device)
