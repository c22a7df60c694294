"""Our strategies for baal: what its ActiveLearningLoop takes as `heuristic`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch

from queryloop.errors import InputError, OptionsError
from queryloop.randomness import derived_seed
from queryloop.strategies import Strategy, resolve, top_k
from queryloop.strategies.kinds import TopK

_KNOWN = frozenset({"ids", "n_classes", "probs", "mc_probs"})


def baal_heuristic(name: str, *, seed: int, k: int | None = None, **options: Any) -> Any:
    """A strategy of that name as a baal heuristic, for its loop or by itself: `get_ranks(predictions)`.

    k: rows that a batch strategy picks, at least the loop's `query_size`; they rank first, the others
    follow in an order drawn by the seed. Predictions are (N, C) or (N, C, T), probabilities or logits as
    for baal's own. Each step of a loop draws anew, by the seed and the size of the pool.

    Raises OptionsError where baal is not installed, for an unknown name or option, for a strategy that
    needs more than predictions, and for a batch strategy without k.
    """
    strategy = resolve(name, options)
    unknown_needs = sorted(strategy.needs - _KNOWN)
    if unknown_needs:
        raise OptionsError(
            f"`{name}` needs {', '.join(unknown_needs)}: baal's heuristics see predictions only."
        )
    if not isinstance(strategy, TopK) and k is None:
        raise OptionsError(f"`{name}` picks its rows together: pass k=, at least the loop's query_size.")
    return _heuristic_class()(strategy, seed, k)


def _baal(part: str) -> ModuleType:
    try:
        import_module("baal")
    except ModuleNotFoundError as error:
        if error.name != "baal":
            raise
        raise OptionsError('baal is not installed: pip install "queryloop[baal]".') from None
    return import_module(f"baal.{part}")


@cache
def _heuristic_class() -> type:
    """Made at first use: its base comes from a package that need not be installed."""
    base = _baal("active.heuristics").AbstractHeuristic
    to_prob = _baal("utils.array_utils").to_prob

    class Heuristic(base):  # type: ignore[misc, valid-type]
        """Highest score first, and equal ones in seeded order."""

        def __init__(self, strategy: Strategy, seed: int, k: int | None) -> None:
            super().__init__(reverse=True)
            self.strategy, self.seed, self.k = strategy, seed, k

        def compute_score(self, predictions: Any, target_predictions: Any = None) -> np.ndarray:  # noqa: ARG002
            """One score a row, (N,); of a batch strategy k for the first pick down to 1, and 0 elsewhere."""
            evidence = _evidence(self.strategy, predictions, to_prob)
            now = _step_seed(self.seed, len(predictions))
            scores = self.strategy.score(evidence, now)
            if scores is None:
                return _turns(self.strategy, evidence, min(self.k or 0, len(predictions)), now)
            return scores.numpy()

        def get_uncertainties_generator(
            self, predictions: Iterable[Any], target_predictions: Any = None
        ) -> np.ndarray:
            """Scores of predictions that come in parts: a batch, and a draw, concern the pool as a whole."""
            parts = [np.asarray(part) for part in predictions]
            if not parts:
                raise InputError("there are no predictions to rank.")
            return self.get_uncertainties(np.concatenate(parts), target_predictions)

        def reorder_indices(self, scores: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
            """All row numbers, highest score first."""
            whole = np.concatenate(scores) if isinstance(scores, Sequence) else scores
            n = len(whole)
            now = _step_seed(self.seed, n)
            return top_k(torch.from_numpy(whole), np.arange(n), k=n, seed=now).positions.numpy()

    return Heuristic


def _turns(strategy: Strategy, evidence: dict[str, Any], k: int, seed: int) -> np.ndarray:
    """(N,), k for the first pick down to 1, and 0 elsewhere."""
    picks = strategy.choose(None, evidence, k=k, seed=seed)
    turns = np.zeros(len(evidence["ids"]))
    turns[picks.positions.numpy()] = np.arange(k, 0, -1)
    return turns


def _evidence(strategy: Strategy, predictions: Any, to_prob: Any) -> dict[str, Any]:
    raw = np.asarray(predictions)
    if raw.ndim not in (2, 3):
        raise InputError(f"predictions must have shape (N, C) or (N, C, T), not {raw.shape}.")
    if raw.ndim == 2 and "mc_probs" in strategy.needs:
        raise InputError(f"`{strategy.name}` needs mc_probs: predictions (N, C, T), not {raw.shape}.")
    probs = to_prob(raw)
    evidence = {"ids": np.arange(len(raw)), "n_classes": raw.shape[1]}
    if raw.ndim == 2:
        return evidence | {"probs": probs}
    return evidence | {"probs": probs.mean(axis=2), "mc_probs": probs.transpose(0, 2, 1)}


def _step_seed(seed: int, pool: int) -> int:
    return derived_seed(seed, pool, "baal")
