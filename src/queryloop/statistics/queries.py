"""What the strategies asked for: which classes, and how alike the samples of a query are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import entropy
from sklearn.neighbors import NearestNeighbors

_DRAWS = 10
_MOST = 1000  # rows of a query that are looked at; distances are quadratic


def class_histogram(queried: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Share of each class in what each strategy asked for.

    queried: one row a sample: strategy, label. classes: all that there are, those that nobody asked for too.
    Returns one row a strategy: strategy, evenness (entropy of the shares over that of equal ones, 0..1), and
    one column a class with its share.
    """
    shares = pd.crosstab(queried["strategy"], queried["label"], normalize="index")
    shares = shares.reindex(columns=classes, fill_value=0.0)
    evenness = entropy(shares, axis=1) / np.log(len(classes)) if len(classes) > 1 else 1.0
    shares.insert(0, "evenness", evenness)
    order = queried["strategy"].drop_duplicates()
    return shares.reindex(order).rename_axis(columns=None).reset_index()


def redundancy(
    asked: Mapping[str, Sequence[np.ndarray]], pool: np.ndarray, vectors: np.ndarray
) -> dict[str, float]:
    """How much nearer to each other the samples of a query lie than as many random ones, for each strategy.

    asked: by strategy, rows of `vectors` that were asked for together. pool: rows that random ones are drawn
    from. vectors: (N, ...), read row by row. Returns 1 - R, the mean over the queries; R is the ratio of
    Clark and Evans (1954): mean distance of a sample to the nearest other one of its query, over the same
    in random draws. 0 is as in random queries, 1 is copies only, below 0 is spread out. NaN where no query
    has two samples.
    """
    queries = {name: [np.sort(rows[:_MOST]) for rows in of if len(rows) > 1] for name, of in asked.items()}
    sizes = {len(rows) for of in queries.values() for rows in of}
    chance = {size: _by_chance(size, pool, vectors) for size in sizes}
    ratios = {
        name: [_nearest(vectors[rows]) / chance[len(rows)] for rows in of if chance[len(rows)] > 0]
        for name, of in queries.items()
    }
    return {name: 1 - float(np.mean(found)) if found else np.nan for name, found in ratios.items()}


def _by_chance(n: int, pool: np.ndarray, vectors: np.ndarray) -> float:
    draw = np.random.default_rng(n)
    sets = [np.sort(draw.choice(pool, min(n, len(pool)), replace=False)) for _ in range(_DRAWS)]
    return float(np.mean([_nearest(vectors[rows]) for rows in sets]))


def _nearest(rows: np.ndarray) -> float:
    flat = rows.reshape(len(rows), -1).astype(np.float32)
    distances, _ = NearestNeighbors(n_neighbors=1).fit(flat).kneighbors()
    return float(distances.mean())
