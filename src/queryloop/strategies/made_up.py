"""Evidence that means nothing: what holds for any evidence is tried on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from queryloop.strategies.needs import NEEDS


def example(n: int = 23, classes: int = 4, dtype: Any = np.float64, seed: int = 0) -> dict[str, Any]:
    """Made-up evidence for every need: n pool rows, 7 labelled, 40 of validation, 5 targets, 6 draws."""
    draw = np.random.default_rng(seed)

    def numbers(*shape: int) -> np.ndarray:
        return draw.normal(size=shape).astype(dtype)

    def softmax(*shape: int) -> np.ndarray:
        powers = np.exp(2 * draw.normal(size=shape))
        return (powers / powers.sum(axis=-1, keepdims=True)).astype(dtype)

    return {
        "ids": [f"train/{row:06d}" for row in draw.permutation(n)],
        "probs": softmax(n, classes),
        "mc_probs": softmax(n, 6, classes),
        "embeddings": numbers(n, 8),
        "activations": {"trunk": numbers(n, 5), "head": numbers(n, classes)},
        "predicted_loss": numbers(n),
        "discriminator": numbers(n),
        "head": (numbers(classes, 8), numbers(classes)),
        "n_classes": classes,
        "progress": 0.5,
        "true_labels": draw.integers(classes, size=n),
        "labeled_embeddings": numbers(7, 8),
        "labeled_probs": softmax(7, classes),
        "labeled_activations": {"trunk": numbers(7, 5), "head": numbers(7, classes)},
        "labels": draw.integers(classes, size=7),
        "val_embeddings": numbers(40, 8),
        "val_correct": draw.random(40) < 0.7,
        "target_mc_probs": softmax(5, 6, classes),
    }


def with_rows(evidence: Mapping[str, Any], rows: Any, ids: list[Any] | None = None) -> dict[str, Any]:
    """The evidence of these pool rows, in this order; `ids` where rows are repeated."""
    cut = {
        name: each(lambda part: part[rows], value) if of_pool(name) else value
        for name, value in evidence.items()
    }
    return cut | {"ids": ids or [evidence["ids"][row] for row in rows]}


def with_classes(evidence: Mapping[str, Any], order: list[int]) -> dict[str, Any]:
    """The evidence with its classes renamed: class i is what was class order[i]."""

    def renamed(name: str, value: Any) -> Any:
        need = NEEDS.get(name)
        if need is None or need.meaning not in ("probability", "class", "head"):
            return value
        if need.meaning == "probability":
            return value[..., order]
        return each(lambda part: part[order], value) if need.meaning == "head" else np.argsort(order)[value]

    return {name: renamed(name, value) for name, value in evidence.items()}


def of_pool(name: str) -> bool:
    """Whether a need has one entry a pool row."""
    return name != "ids" and NEEDS[name].axes[:1] == "N"


def each(function: Callable[[Any], Any], value: Any) -> Any:
    """The function applied to each array of a need."""
    if isinstance(value, dict):
        return {key: function(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(function(part) for part in value)
    return value if isinstance(value, int | float | list) else function(value)


def each_array(evidence: Mapping[str, Any], act: Callable[[np.ndarray], None]) -> None:
    """Do something to every array of the evidence, in place."""
    for value in evidence.values():
        each(lambda part: act(part) if isinstance(part, np.ndarray) else None, value)


def as_leaf(part: Any) -> Any:
    """A tensor as a network gives it, or what is no array as it is."""
    if not isinstance(part, np.ndarray):
        return part
    return torch.from_numpy(part).requires_grad_(part.dtype.kind == "f")


def half(part: Any) -> Any:
    """Floats in bfloat16, anything else as it is."""
    tensor = as_leaf(part)
    return tensor.bfloat16() if isinstance(tensor, Tensor) and tensor.is_floating_point() else tensor


def numbers_of(value: Any) -> list[Any]:
    """All that stands in a need, as plain numbers."""
    found: list[Any] = []
    each(lambda part: found.append(part.tolist()), value)
    return found
