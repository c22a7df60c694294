from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from queryloop.strategies import resolve
from queryloop.strategies.made_up import example, with_rows
from queryloop.strategies.registry import definitions
from queryloop.strategies.sharpen import sharpened

N, K = 300, 10
NOT_BY_ROW = ("ids", "head", "n_classes", "progress", "true_labels", "labels", "val_", "labeled_", "target_")
SCORERS = [
    d.name for d in definitions() if not d.batch and d.needs != {"ids"} and "true_labels" not in d.needs
]


def tensors(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: tensors(part) for name, part in value.items()}
    return (
        torch.from_numpy(value).float() if isinstance(value, np.ndarray) and value.dtype == float else value
    )


def roughened(evidence: Mapping[str, Any], needs: frozenset[str], error: float) -> dict[str, Any]:
    """The evidence of the pool rows that is asked for, each number off by at most a share."""

    def off(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: off(part) for name, part in value.items()}
        noise = torch.rand(value.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
        return value * (1 + error * noise)

    def rough(name: str, value: Any) -> Any:
        moved = off(value) if not name.startswith(NOT_BY_ROW) else value
        return moved / moved.sum(dim=-1, keepdim=True) if name in ("probs", "mc_probs") else moved

    return {name: rough(name, evidence[name]) for name in needs | {"ids"}}


def look(
    evidence: Mapping[str, Any], needs: frozenset[str], error: float, strategy: str
) -> tuple[Any, list[int]]:
    seen: list[int] = []

    def exact(rows: np.ndarray) -> dict[str, Any]:
        seen.extend(rows.tolist())
        found = with_rows(evidence, rows)
        return {name: found[name] for name in needs if not name.startswith(NOT_BY_ROW)}

    rough = roughened(evidence, needs, error)
    return sharpened(resolve(strategy), rough, exact, k=K, seed=3), seen


@pytest.mark.parametrize("name", [*SCORERS, "power_bald", "softmax_entropy", "softrank_margin"])
def test_the_query_is_that_of_exact_evidence(name: str) -> None:
    evidence = {key: tensors(value) for key, value in example(n=N).items()}
    strategy = resolve(name)
    found, seen = look(evidence, strategy.needs, 1e-3, name)
    picks = [
        strategy.choose(strategy.score(given, 3), given, k=K, seed=3).positions for given in (found, evidence)
    ]
    assert picks[0].tolist() == picks[1].tolist()
    assert len(seen) == len(set(seen)) < N / 2


def test_rows_in_doubt_are_looked_at_again() -> None:
    evidence = {key: tensors(value) for key, value in example(n=N).items()}
    found, seen = look(evidence, frozenset({"probs"}), 1.0, "margin")
    assert sorted(seen) == list(range(N))
    assert torch.equal(found["probs"], evidence["probs"])


def test_rough_evidence_is_not_written_to() -> None:
    evidence = {key: tensors(value) for key, value in example(n=N).items()}
    rough = roughened(evidence, frozenset({"activations", "labeled_activations"}), 1e-3)
    before = {name: part.clone() for name, part in rough["activations"].items()}
    exact = lambda rows: {"activations": with_rows(evidence, rows)["activations"]}  # noqa: E731
    sharpened(resolve("model_outliers_max"), rough, exact, k=K, seed=0)
    assert all(torch.equal(rough["activations"][name], part) for name, part in before.items())
