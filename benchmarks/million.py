"""Every strategy on a pool of a million."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from measure import Case, Job, Setup
from pools import CLASSES, Pool, clusters, drawn, logits

import queryloop
from queryloop.strategies import definitions, resolve

FEATURES, LAYER, DRAWS = 128, 64, 10
BUILT = ("power_bald", "entropy+badge")


def cases() -> list[Case]:
    """One for each registered strategy, aliases apart, and for two that are built from others."""
    registered = [found.name for found in definitions() if not found.alias_of]
    return [_case(name) for name in (*registered, *BUILT)]


def _case(name: str) -> Case:
    def prepare(pool: Pool) -> Job:
        return Job(lambda: queryloop.select(name, k=pool.k, seed=0, **pool.arrays))

    return Case(name, "", partial(_pool, name), {"queryloop": prepare})


def _pool(name: str, setup: Setup) -> Pool:
    """What the strategy needs, and nothing else."""
    n, labeled = setup.size(1_000_000, 50), setup.size(1_000, 20)
    needs = resolve(name).needs
    arrays = {
        need: make() for need, make in _makers(n, labeled, setup.size(500, 10)).items() if need in needs
    }
    missing = needs - arrays.keys()
    if missing:
        raise NotImplementedError(f"no array is made for {', '.join(sorted(missing))}")
    return Pool(arrays, setup.size(1_000, 4))


def _makers(n: int, labeled: int, targets: int) -> dict[str, Callable[[], Any]]:
    draw = np.random.default_rng(0)

    def layers(rows: int, seed: int) -> dict[str, torch.Tensor]:
        return {f"layer {i}": clusters(rows, LAYER, seed + i) for i in range(2)}

    def means(rows: int, seed: int) -> torch.Tensor:
        return logits(clusters(rows, 32, seed))

    return {
        "ids": lambda: np.arange(n),
        "probs": lambda: means(n, 0).softmax(dim=1),
        "mc_probs": lambda: drawn(means(n, 0), DRAWS),
        "embeddings": lambda: clusters(n, FEATURES, 0),
        "activations": lambda: layers(n, 0),
        "predicted_loss": lambda: torch.from_numpy(draw.normal(size=n).astype(np.float32)),
        "discriminator": lambda: torch.from_numpy(draw.normal(size=n).astype(np.float32)),
        "head": lambda: (torch.randn(CLASSES, FEATURES), torch.randn(CLASSES)),
        "true_labels": lambda: draw.integers(CLASSES, size=n),
        "n_classes": lambda: CLASSES,
        "progress": lambda: 0.5,
        "labeled_embeddings": lambda: clusters(labeled, FEATURES, 10),
        "labeled_probs": lambda: means(labeled, 10).softmax(dim=1),
        "labeled_activations": lambda: layers(labeled, 10),
        "labels": lambda: draw.integers(CLASSES, size=labeled),
        "val_embeddings": lambda: clusters(labeled, FEATURES, 20),
        "val_correct": lambda: draw.random(labeled) < 0.7,
        "target_mc_probs": lambda: drawn(means(targets, 30), DRAWS),
    }
