"""Rows of the tables that the figures are drawn from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from queryloop import samples as tables


def metrics(accuracy: list[float], val_accuracy: float = np.nan) -> pd.DataFrame:
    """One cycle of 100 more labels for each accuracy."""
    row = dict.fromkeys(tables.COLUMNS["metrics"], 0) | {"strategy": "entropy"}
    row |= {"val_accuracy": val_accuracy, "auxiliary_quality": np.nan}
    return tables.table(
        "metrics",
        [
            row | {"cycle": i, "n_labeled": 100 * (i + 1), "accuracy": a, "balanced_accuracy": a - 0.01}
            for i, a in enumerate(accuracy)
        ],
    )


def full_data(*accuracy: float) -> pd.DataFrame:
    """One training on 54,000 labels for each accuracy."""
    rows = metrics(list(accuracy)).assign(settings="x", n_labeled=54_000)
    return tables.table("full_data", rows)


def captions(n: int) -> pd.DataFrame:
    """A query of n, best first, all of it predicted right."""
    ids = [f"train/{i:06d}" for i in range(n)]
    return tables.query(ids, np.linspace(2, 1, n)).assign(predicted="cat", label="cat")
