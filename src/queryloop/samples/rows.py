"""From ids and labels to rows of the sample table and class numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from queryloop.errors import OptionsError, StateError, examples


def classes(samples: pd.DataFrame) -> list[str]:
    """The class names, sorted. Raises OptionsError where there are fewer than two."""
    names = sorted(samples["label"].dropna().unique())
    if len(names) < 2:
        raise OptionsError(
            f"the data set has {len(names)} class{'es' * (len(names) != 1)} ({examples(names)}): "
            "classification needs two or more."
        )
    return names


def rows_of(samples: pd.DataFrame, ids: Sequence[str]) -> np.ndarray:
    """Row number in `samples` (and in the image store) of each id. Raises StateError for unknown ids."""
    asked, there = (pa.array(pd.Series(part, dtype="str")) for part in (ids, samples["sample_id"]))
    rows = pc.fill_null(pc.index_in(asked, value_set=there), -1).to_numpy().astype(np.int64)
    if (rows < 0).any():
        lost = [i for i, row in zip(ids, rows, strict=True) if row < 0]
        raise StateError(f"{len(lost)} ids are not among the samples: {examples(lost)}.")
    return rows


def labelled_rows(samples: pd.DataFrame, labels: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Row and class number of each sample in `labels` (columns sample_id, label)."""
    numbers = pd.Index(classes(samples)).get_indexer(labels["label"])
    if (numbers < 0).any():
        wrong = sorted(set(labels["label"][numbers < 0]))
        raise StateError(f"labels that are no class of the data set: {examples(wrong)}.")
    return rows_of(samples, labels["sample_id"]), numbers
