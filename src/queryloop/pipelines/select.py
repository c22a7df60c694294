"""Select: what to ask for next."""

from __future__ import annotations

from math import nan
from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import QueryOptions


def select(
    evidence: Any,
    scores: pd.DataFrame,
    reported: list[float],
    labeled: pd.DataFrame,
    pool: pd.DataFrame,
    dataset: str,
    strategy: str,
    strategy_options: dict,
    query: QueryOptions,
    seed: int,
) -> tuple[pd.DataFrame, float]:
    """The next query, best first; the last one takes what is left of the pool.

    And how good the strategy's own predictor is, the last stage's of a chain; NaN where it has none.
    """
    from queryloop.strategies.quality import qualities
    from queryloop.tasks.registry import task_of

    task, k = task_of(dataset), min(tables.query_size(query, labeled, pool), len(scores))
    with qualities() as more:
        chosen = task.strategy(strategy, strategy_options)
        found = task.chosen(scores, evidence, chosen, k=k, seed=tables.query_seed(seed, labeled))
    return found, [nan, *reported, *more][-1]


def create_pipeline() -> Pipeline:
    """Evidence and scores to the next query."""
    options = ["dataset", "strategy", "strategy_options", "query", "seed"]
    found = ["evidence", "scores", "reported", "labeled", "pool", *(f"params:{name}" for name in options)]
    return Pipeline([Node(select, found, ["next_query", "strategy_quality"], name="select")])
