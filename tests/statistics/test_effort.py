from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from queryloop.statistics.effort import labels_needed


def metrics(**curves: list[list[float]]) -> pd.DataFrame:
    """One list of accuracies a seed, at 100, 200, ... labels."""
    rows = [
        {"strategy": strategy, "seed": seed, "n_labeled": 100 * (cycle + 1), "accuracy": accuracy}
        for strategy, seeds in curves.items()
        for seed, curve in enumerate(seeds)
        for cycle, accuracy in enumerate(curve)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def needed(found: pd.DataFrame, strategy: str, level: float) -> tuple[float, int]:
    (row,) = found[(found["strategy"] == strategy) & np.isclose(found["level"], level)].itertuples()
    return row.labels, row.reached


def test_the_first_cycle_counts_and_never_is_not_a_number() -> None:
    table = metrics(margin=[[0.9, 0.8, 0.95], [0.5, 0.92, 0.93], [0.6, 0.7, 0.8]])
    found = labels_needed(table, [0.4, 0.9, 0.94, 0.99])
    assert needed(found, "margin", 0.4) == (100, 3)
    assert needed(found, "margin", 0.9) == (200, 2)
    for level, reached in ((0.94, 1), (0.99, 0)):
        labels, count = needed(found, "margin", level)
        assert np.isnan(labels)
        assert count == reached


def test_half_of_the_seeds_are_not_enough() -> None:
    found = labels_needed(metrics(random=[[0.9, 0.9], [0.1, 0.2]]), [0.9])
    assert found["labels"].isna().all()
    assert found["reached"].tolist() == [1]


@pytest.mark.parametrize("n_seeds", [1, 4, 5])
def test_it_is_the_median_where_all_reach_the_level(n_seeds: int) -> None:
    draw = np.random.default_rng(n_seeds)
    first = draw.integers(1, 10, n_seeds)
    curves = [[0.0] * (n - 1) + [1.0] * (11 - n) for n in first]
    labels, reached = needed(labels_needed(metrics(random=curves), [0.5]), "random", 0.5)
    assert labels == 100 * np.median(first)
    assert reached == n_seeds
