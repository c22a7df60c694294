"""Commit: the state of the next cycle becomes visible, all at once."""

from __future__ import annotations

import pandas as pd
from kedro.pipeline import Node, Pipeline

TAG = "commit"


def commits(pipeline: Pipeline) -> bool:
    """Whether a run of this pipeline would commit a cycle."""
    return any(TAG in node.tags for node in pipeline.nodes)


def commit(
    pool: pd.DataFrame,
    next_query: pd.DataFrame,
    metrics_so_far: pd.DataFrame,
    labeled: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Hand the state over to be saved; the labelled set comes last, for its version is the commit."""
    return pool, next_query, metrics_so_far, labeled


def create_pipeline() -> Pipeline:
    """The state in memory to the state on disk."""
    state = ["pool", "next_query", "metrics_so_far", "labeled"]
    saved = ["pool_index_next", "query_next", "metrics_next", "labeled_index_next"]
    return Pipeline([Node(commit, state, saved, name="commit", tags=TAG)])
