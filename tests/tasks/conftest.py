"""scikit-learn's digits, and a network trained on some of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from queryloop.options import ModelOptions, TrainingOptions
from queryloop.tasks.classification.networks import train
from queryloop.tasks.task import Recipe
from queryloop.training.checkpoint import Checkpoint

CLASSES = [str(digit) for digit in range(10)]
TEST = np.arange(1437, 1797)
MODEL = ModelOptions(name="cnn", width=16)
TRAINING = TrainingOptions(
    epochs=5, min_steps=100, learning_rate=1e-2, augmentation="affine", precision="32", threads=1
)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (1797, 8, 8, 1) uint8 and class numbers, shuffled: neighbours are by the same writer."""
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    return (found.images * 15).astype(np.uint8)[order, ..., None], found.target[order]


IMAGES, LABELS = digits()


def trained(n: int = 100, seed: int = 0, previous: Checkpoint | None = None, **options: object) -> Checkpoint:
    """Checkpoint of the first n digits."""
    training = TRAINING.model_copy(update=options)
    return train(
        IMAGES, (np.arange(n), LABELS[:n]), CLASSES, Recipe(MODEL, training, seed, previous=previous)
    )


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    """100 labels, seed 0."""
    return trained()
