"""How many labels an accuracy costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def labels_needed(metrics: pd.DataFrame, levels: Sequence[float]) -> pd.DataFrame:
    """Median over the seeds of the labels with which each strategy first reaches each accuracy.

    metrics: tables `metrics` of several experiments, one below the other. levels: accuracies, 0..1.
    Returns one row for each strategy and level: strategy, level, labels (the median; null where at least
    half of the seeds never reach the level: their numbers are not known, only that they are larger),
    reached and n_seeds. A level that the first cycle reaches counts as reached there.
    """
    rows = [
        {"strategy": strategy, "level": level, **_needed(curves, level)}
        for strategy, curves in metrics.groupby("strategy", sort=False)
        for level in levels
    ]
    return pd.DataFrame(rows)


def _needed(curves: pd.DataFrame, level: float) -> dict[str, float | int]:
    """Never reached is infinitely late, so the median of the others is not made to look earlier."""
    first = np.array([_first(curve, level) for _, curve in curves.groupby("seed")])
    median = float(np.sort(first)[[(len(first) - 1) // 2, len(first) // 2]].mean())
    return {
        "labels": median if np.isfinite(median) else np.nan,
        "reached": int(np.isfinite(first).sum()),
        "n_seeds": len(first),
    }


def _first(curve: pd.DataFrame, level: float) -> float:
    reaching = curve.loc[curve["accuracy"] >= level, "n_labeled"]
    return float(reaching.min()) if len(reaching) else np.inf
