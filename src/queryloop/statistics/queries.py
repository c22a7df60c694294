"""What the strategies asked for: which classes, and how alike the samples of a query are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform
from scipy.stats import entropy

_DRAWS = 10
_MOST = 1000  # rows of a query that are looked at; distances are quadratic


def class_histogram(queried: pd.DataFrame) -> pd.DataFrame:
    """Share of each class in what each strategy asked for.

    queried: one row a sample: strategy, label. Returns one row a strategy: strategy, evenness (entropy of
    the shares over that of equal ones, 0..1), and one column a class with its share.
    """
    shares = pd.crosstab(queried["strategy"], queried["label"], normalize="index")
    n_classes = shares.shape[1]
    evenness = entropy(shares, axis=1) / np.log(n_classes) if n_classes > 1 else 1.0
    shares.insert(0, "evenness", evenness)
    order = queried["strategy"].drop_duplicates()
    return shares.reindex(order).rename_axis(columns=None).reset_index()


def redundancy(queries: Sequence[np.ndarray], pool: np.ndarray, vectors: np.ndarray) -> float:
    """How much nearer to each other the samples of a query lie than as many random ones.

    queries: rows of `vectors` that were asked for together. pool: rows that random ones are drawn from.
    vectors: (N, ...), read row by row. Returns 1 - (mean distance of a sample to the nearest other one of its
    query) / (the same in random draws): 0 is as in random queries, 1 is copies only, below 0 is spread out.
    NaN where no query has two samples.
    """
    ratios = [
        _nearest(vectors[np.sort(rows[:_MOST])]) / by_chance
        for rows in queries
        if len(rows) > 1 and (by_chance := _by_chance(min(len(rows), _MOST), pool, vectors)) > 0
    ]
    return 1 - float(np.mean(ratios)) if ratios else np.nan


def _by_chance(n: int, pool: np.ndarray, vectors: np.ndarray) -> float:
    draw = np.random.default_rng(n)  # as many random ones are the same ones for every strategy
    sets = [np.sort(draw.choice(pool, min(n, len(pool)), replace=False)) for _ in range(_DRAWS)]
    return float(np.mean([_nearest(vectors[rows]) for rows in sets]))


def _nearest(rows: np.ndarray) -> float:
    distances = squareform(pdist(rows.reshape(len(rows), -1).astype(np.float64)))
    np.fill_diagonal(distances, np.inf)
    return float(distances.min(axis=1).mean())
