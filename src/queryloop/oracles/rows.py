"""Answers that nobody had to wait for, as rows of `answers`."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from queryloop import samples as tables

FROM_DATASET = "000000-dataset"
"""The import of labels that samples come with: before all that people tell, who may correct them."""


def by_itself(asked: pd.DataFrame, labels: np.ndarray, annotator: str, import_id: str) -> pd.DataFrame:
    """One answer to each sample of `asked`, in its order."""
    return tables.table(
        "answers",
        {
            "sample_id": asked["sample_id"].to_numpy(),
            "label": labels,
            "annotator": annotator,
            "labeled_at": dt.datetime.now(dt.UTC),
            "seconds": np.nan,
            "import_id": import_id,
        },
    )
