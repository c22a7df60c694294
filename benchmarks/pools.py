"""Pools to choose from: clusters made up from a seed, and CIFAR-10 as a trained network sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import Setup
from torch import Tensor

from queryloop.options import DataOptions, ModelOptions, TrainingOptions
from queryloop.readers.registry import find
from queryloop.tasks import classification

CLASSES = 10
BLOCK = 20_000  # rows made at once
DRAWS = 20
TRAINED_ON = 2_000


@dataclass(frozen=True)
class Pool:
    """Arrays by the name of the need, and how many rows to choose."""

    arrays: dict[str, Any]
    k: int

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]


def clusters(n: int, features: int, seed: int, spread: float = 0.7) -> Tensor:
    """Up to 200 Gaussian clusters, the same ones for every seed, negative numbers cut to 0. (n, features)."""
    centres = torch.randn(200, features, generator=torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(1 + seed)
    rows = torch.randn(n, features, generator=draw).mul_(spread)
    labels = torch.randint(max(2, min(200, n // 50)), (n,), generator=draw)
    for start in range(0, n, BLOCK):
        rows[start : start + BLOCK] += centres[labels[start : start + BLOCK]]
    return rows.relu_()


def logits(embeddings: Tensor) -> Tensor:
    """What a random linear head makes of them: (N, C)."""
    width = embeddings.shape[1]
    weight = torch.randn(width, CLASSES, generator=torch.Generator().manual_seed(2))
    return embeddings @ weight.mul_(3 / width**0.5)


def drawn(means: Tensor, draws: int) -> Tensor:
    """Softmax of the logits under noise, T times: (N, T, C)."""
    generator = torch.Generator().manual_seed(3)
    probs = torch.empty(len(means), draws, means.shape[1])
    for start in range(0, len(means), BLOCK):
        part = probs[start : start + BLOCK].normal_(generator=generator)
        part.add_(means[start : start + BLOCK, None]).copy_(part.softmax(dim=2))
    return probs


def samples(setup: Setup, n: int, labeled: int, k: int, wants: str) -> Pool:
    """wants: which of embeddings, probs, mc_probs; labelled embeddings go with embeddings."""
    n, k = setup.size(n, 50), setup.size(k, 4)
    embeddings = clusters(n, 512 if "embeddings" in wants else 32, seed=0)
    arrays: dict[str, Any] = {}
    if "embeddings" in wants.split():
        labels = setup.size(labeled, 10) if labeled else 0
        arrays = {"embeddings": embeddings, "labeled_embeddings": clusters(labels, 512, seed=1)}
    if "probs" in wants.split():
        arrays["probs"] = logits(embeddings).softmax(dim=1)
    if "mc_probs" in wants.split():
        arrays["mc_probs"] = drawn(logits(embeddings), DRAWS)
    return Pool(arrays, k)


def images(raw_root: Path, name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """All images (M, H, W, C), training images first, their class numbers, and how many are for training."""
    dataset = find(name)
    found = dataset.read(dataset.source_files(raw_root), DataOptions())
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
    checkpoint = classification.train(pixels, seen, labels[seen], None, classes, model, training, seed=0)
    rows = np.concatenate([np.arange(setup.size(n, 50)), seen])
    needs = frozenset({"embeddings", "probs"})
    found = classification.predict(checkpoint, pixels, rows, needs, training)
    pool = len(rows) - len(seen)
    return {
        "embeddings": found["embeddings"][:pool],
        "probs": found["probs"][:pool],
        "labeled_embeddings": found["embeddings"][pool:][:1_000],
    }
