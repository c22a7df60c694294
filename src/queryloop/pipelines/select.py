"""Select: what to ask for next."""

from __future__ import annotations

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import QueryOptions


def select(
    evidence: dict,
    scores: pd.DataFrame,
    labeled: pd.DataFrame,
    pool: pd.DataFrame,
    strategy: str,
    strategy_options: dict,
    query: QueryOptions,
    seed: int,
) -> pd.DataFrame:
    """The next query, best first; the last one takes what is left of the pool."""
    from queryloop.strategies import resolve

    chosen = resolve(strategy, strategy_options)
    k = min(tables.count_of(query.size, len(labeled) + len(pool)), len(evidence["ids"]))
    picks = chosen.choose(scores["score"].to_numpy(), evidence, k=k, seed=tables.query_seed(seed, labeled))
    return tables.query([evidence["ids"][i] for i in picks.positions.tolist()], picks.scores.numpy())


def create_pipeline() -> Pipeline:
    """Evidence and scores to the next query."""
    options = ["params:strategy", "params:strategy_options", "params:query", "params:seed"]
    return Pipeline(
        [Node(select, ["evidence", "scores", "labeled", "pool", *options], "next_query", name="select")]
    )
