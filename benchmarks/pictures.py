"""Real images, and CIFAR-10 as a trained network sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from measure import Setup
from pools import CLASSES, Pool
from torch import Tensor

from queryloop.options import DataOptions, ModelOptions, TrainingOptions
from queryloop.readers.images import ImageSet
from queryloop.readers.registry import find
from queryloop.tasks.classification.networks import train
from queryloop.tasks.classification.prediction import predict
from queryloop.tasks.task import Recipe

TRAINED_ON = 2_000


def images(raw_root: Path, name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """All images (M, H, W, C), training images first, their class numbers, and how many are for training."""
    dataset = find(name)
    found = dataset.read(dataset.source(raw_root), DataOptions())
    assert isinstance(found, ImageSet)
    numbers = {label: number for number, label in enumerate(dataset.classes)}
    labels = found.samples["label"].map(numbers).to_numpy().astype(np.int64)
    return np.concatenate(list(found.blocks())), labels, int((found.samples["split"] == "train").sum())


def cifar10(setup: Setup) -> Pool:
    """Embeddings and probabilities of the 50,000 training images; 1,000 test images are the labelled ones."""
    kept = setup.folder / "cifar10.pt"
    if not kept.exists():
        torch.save(_cifar10(setup), kept)
    arrays = torch.load(kept)
    n = setup.size(50_000, 50)
    cut = {name: arrays[name][:n].clone() for name in ("embeddings", "probs")}
    labeled = arrays["labeled_embeddings"][: setup.size(1_000, 10)].clone()
    return Pool({**cut, "labeled_embeddings": labeled}, setup.size(1_000, 4))


def _cifar10(setup: Setup) -> dict[str, Tensor]:
    """From a cnn trained for 400 steps on the first 2,000 test images: the pool stays unseen."""
    assert setup.raw_root is not None
    pixels, labels, n = images(setup.raw_root, "cifar10")
    training = TrainingOptions(epochs=1, min_steps=setup.size(400, 5), threads=setup.threads)
    seen = np.arange(n, n + setup.size(TRAINED_ON, 50))
    classes, model = [str(number) for number in range(CLASSES)], ModelOptions(width=32)
    checkpoint = train(pixels, (seen, labels[seen]), classes, Recipe(model, training, 0))
    rows = np.concatenate([np.arange(setup.size(n, 50)), seen])
    needs = frozenset({"embeddings", "probs"})
    found = predict(checkpoint, pixels, rows, needs, training)
    pool = len(rows) - len(seen)
    return {
        "embeddings": found["embeddings"][:pool],
        "probs": found["probs"][:pool],
        "labeled_embeddings": found["embeddings"][pool:][:1_000],
    }
