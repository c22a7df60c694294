"""Curves of made-up runs."""

from __future__ import annotations

import numpy as np
import pandas as pd


def rows(**strategies: list[list[float]]) -> pd.DataFrame:
    """Results: one list of accuracies a seed, at 100, 200, ... labels."""
    return pd.DataFrame(
        [
            {"strategy": strategy, "seed": seed, "n_labeled": 100 * (cycle + 1), "accuracy": accuracy}
            for strategy, seeds in strategies.items()
            for seed, curve in enumerate(seeds)
            for cycle, accuracy in enumerate(curve)
        ]
    )


def drawn(n_strategies: int, n_seeds: int, n_budgets: int = 5, seed: int = 0) -> pd.DataFrame:
    """Curves of noise, as `curves` gives them."""
    draw = np.random.default_rng(seed)
    names = ["random", *(f"s{i}" for i in range(1, n_strategies))]
    index = pd.MultiIndex.from_product([names, range(n_seeds)], names=["strategy", "seed"])
    heights = 0.5 + 0.1 * draw.random((len(index), n_budgets)).cumsum(axis=1)
    return pd.DataFrame(heights, index, pd.Index(100.0 * np.arange(1, n_budgets + 1), name="n_labeled"))
