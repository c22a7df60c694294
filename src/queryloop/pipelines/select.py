"""Select: what to ask for next."""

from __future__ import annotations

from math import nan

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import QueryOptions


def select(
    evidence: dict,
    scores: pd.DataFrame,
    reported: list[float],
    labeled: pd.DataFrame,
    pool: pd.DataFrame,
    strategy: str,
    strategy_options: dict,
    query: QueryOptions,
    seed: int,
) -> tuple[pd.DataFrame, float]:
    """The next query, best first; the last one takes what is left of the pool.

    And how good the strategy's own predictor is, the last stage's of a chain; NaN where it has none.
    """
    from queryloop.strategies import resolve
    from queryloop.strategies.quality import qualities

    chosen = resolve(strategy, strategy_options)
    k = tables.query_size(query, labeled, pool, len(evidence["ids"]))
    with qualities() as more:
        picks = chosen.choose(
            scores["score"].to_numpy(), evidence, k=k, seed=tables.query_seed(seed, labeled)
        )
    ids = [evidence["ids"][i] for i in picks.positions.tolist()]
    return tables.query(ids, picks.scores.numpy()), [nan, *reported, *more][-1]


def create_pipeline() -> Pipeline:
    """Evidence and scores to the next query."""
    options = ["params:strategy", "params:strategy_options", "params:query", "params:seed"]
    found = ["evidence", "scores", "reported", "labeled", "pool"]
    return Pipeline([Node(select, [*found, *options], ["next_query", "strategy_quality"], name="select")])
