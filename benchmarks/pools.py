"""Pools to choose from, made up from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from measure import Setup
from torch import Tensor

CLASSES = 10
BLOCK = 20_000  # rows made at once
DRAWS = 20


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
