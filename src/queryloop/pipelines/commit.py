"""Commit: the state of the next cycle becomes visible, all at once."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop.pipelines import COMMIT


def commit(
    curve: Any,
    gallery: Any,
    pool: pd.DataFrame,
    next_query: pd.DataFrame,
    metrics_so_far: pd.DataFrame,
    labeled: pd.DataFrame,
) -> tuple[Any, Any, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Hand everything over to be saved; the labelled set comes last, for its version is the commit."""
    return curve, gallery, pool, next_query, metrics_so_far, labeled


def create_pipeline() -> Pipeline:
    """The state in memory to the state on disk, in the order of the names."""
    found = ["curve", "gallery", "pool", "next_query", "metrics_so_far", "labeled"]
    pictures = ["learning_curve", "query_gallery"]
    state = ["pool_index_next", "query_next", "metrics_next", "labeled_index_next"]
    return Pipeline([Node(commit, found, [*pictures, *state], name="commit", tags=COMMIT)])
