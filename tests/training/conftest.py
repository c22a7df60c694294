"""Small problems on which a training takes milliseconds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from queryloop.options import TrainingOptions
from queryloop.training.batches import Batches
from queryloop.training.compute import Compute
from queryloop.training.objective import Objective
from queryloop.training.pixels import measure

CPU = Compute(device="cpu", precision="32", threads=1)


@pytest.fixture
def network() -> nn.Module:
    """Two classes, batch normalisation, fixed weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


def batches(n: int = 12, seed: int = 0, **options: object) -> Batches:
    """Bright and dark images with their class. options: those of the training."""
    images = np.random.default_rng(1).integers(0, 128, (n, 4, 4, 1), dtype=np.uint8)
    labels = np.arange(n) % 2
    images[labels == 1] += 100
    training = TrainingOptions.model_validate(
        {"epochs": 3, "min_steps": 0, "batch_size": 5, "threads": 1, **options}
    )
    return Batches(images, np.arange(n), labels, measure(images, np.arange(n)), training, seed, "cpu")


def objective(data: Batches) -> Objective:
    """Cross-entropy, and nothing beside it."""
    return Objective(nn.CrossEntropyLoss(reduction="none"), data, np.empty(0, np.int64))
