"""What arrays must fulfil before a strategy sees them. A good array is read once and never copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from queryloop.errors import InputError, NonFiniteError
from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.needs import Meaning

_TOLERANCE = 1e-2  # of a sum of probabilities: bfloat16 keeps eight bits


@dataclass(frozen=True)
class Leaf:
    """One array of the evidence: how messages call it, its axes, its shape, its numbers (if any)."""

    label: str
    axes: tuple[str, ...]
    meaning: Meaning
    shape: tuple[int, ...]
    tensor: Tensor | None = None


def check_sizes(leaves: Sequence[Leaf]) -> dict[str, int]:
    """The length of each axis. Refuses arrays that disagree on one, and a single class."""
    seen: dict[str, tuple[Leaf, int]] = {}
    for leaf in leaves:
        if len(leaf.shape) != len(leaf.axes):
            wanted = ", ".join(leaf.axes)
            raise InputError(f"`{leaf.label}` must have shape ({wanted}), not {leaf.shape}.")
        for axis, size in zip(leaf.axes, leaf.shape, strict=True):
            first, other = seen.setdefault(axis, (leaf, size))
            if other != size:
                shapes = f"shapes {first.shape} and {leaf.shape}"
                raise InputError(f"`{first.label}` and `{leaf.label}` disagree on {axis}: {shapes}.")
    if "C" in seen and seen["C"][1] < 2:
        leaf = seen["C"][0]
        raise InputError(f"`{leaf.label}` has fewer than two classes: shape {leaf.shape}.")
    return {axis: size for axis, (_, size) in seen.items()}


def check_numbers(leaf: Leaf, ids: np.ndarray, n_classes: int | None) -> None:
    """Refuse numbers that are not what the array stands for."""
    if leaf.tensor is None or leaf.tensor.numel() == 0:
        return
    named = ids if leaf.axes[0] == "N" else None
    if leaf.meaning == "class":
        _check_classes(leaf.label, leaf.tensor, n_classes)
    elif leaf.meaning == "probability":
        _check_probabilities(leaf.label, leaf.tensor, named)
    else:
        refuse_non_finite(leaf.label, leaf.tensor, named)


def check_ids(ids: np.ndarray) -> None:
    """Refuse an id that stands twice."""
    n_different = len(set(ids.tolist())) if ids.dtype == object else len(np.unique(ids))
    if n_different < len(ids):
        first = next(key for key, count in Counter(ids.tolist()).items() if count > 1)
        repeats = len(ids) - n_different
        raise InputError(f"`ids` must be unique: {repeats} of {len(ids)} are repeats, first: {first!r}.")


def refuse_non_finite(label: str, tensor: Tensor, ids: np.ndarray | None) -> None:
    """Raise NonFiniteError with the number of bad rows and the first of them."""
    if tensor.sum().isfinite():
        return  # NaN and infinity survive a sum; a sum that only overflows is looked at row by row
    bad = ~tensor.isfinite().reshape(len(tensor), -1).all(dim=1)
    if bad.any():
        raise NonFiniteError(f"{_wrong_rows(label, bad, ids)}: NaN or infinity. Did the training diverge?")


def _check_probabilities(label: str, probs: Tensor, ids: np.ndarray | None) -> None:
    deviation = in_blocks(_deviation, probs)
    refuse_non_finite(label, deviation, ids)
    if probs.min() < 0:
        bad = (probs < 0).reshape(len(probs), -1).any(dim=1)
        raise InputError(f"{_wrong_rows(label, bad, ids)}: below 0. Give probabilities, not logits.")
    far = deviation > _TOLERANCE
    if far.any():
        sums = probs[far.int().argmax()].sum(dim=-1).reshape(-1)
        worst = sums[(sums - 1).abs().argmax()]
        raise InputError(f"{_wrong_rows(label, far, ids)}: its probabilities sum to {worst:.6g}, not 1.")


def _deviation(probs: Tensor) -> Tensor:
    """How far the sum over the classes is from 1, at worst. probs: (N, ..., C). Returns (N,)."""
    return (probs.sum(dim=-1) - 1).abs_().reshape(len(probs), -1).amax(dim=1)


def _check_classes(label: str, classes: Tensor, n_classes: int | None) -> None:
    low, high = (int(end) for end in classes.aminmax())
    if low < 0 or (n_classes is not None and high >= n_classes):
        above = "" if n_classes is None else f" and below {n_classes}"
        raise InputError(f"`{label}` must be class numbers from 0{above}, not {low} to {high}.")


def _wrong_rows(label: str, bad: Tensor, ids: np.ndarray | None) -> str:
    first = int(bad.int().argmax())
    name = f"row {first}" if ids is None else f"id {ids[first : first + 1].tolist()[0]!r}"
    return f"`{label}`: {int(bad.sum())} of {len(bad)} rows are wrong, first {name}"
