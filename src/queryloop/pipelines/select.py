"""Select: what to ask for next, by the strategy and, for a control, at random."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.errors import naming_rows
from queryloop.options import QueryOptions, TrainingOptions
from queryloop.storage.samples import Inputs
from queryloop.tasks.registry import task_of
from queryloop.training.checkpoint import Checkpoint


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
    training: TrainingOptions,
    seed: int,
) -> tuple[pd.DataFrame, float]:
    """What the strategy asks for next, best first; where fewer are left than are asked for, all of them.

    And how good the strategy's own predictor is, the last stage's of a chain; NaN where it has none.
    """
    from queryloop.strategies.quality import qualities
    from queryloop.training.compute import isolated, resolve

    task, k = task_of(dataset), tables.query_parts(query, labeled, pool)[0]
    with qualities() as more, isolated(resolve(training).threads):
        chosen = task.strategy(strategy, strategy_options)
        found = task.chosen(scores, evidence, chosen, k=k, seed=tables.query_seed(seed, labeled))
    return found, [nan, *reported, *more][-1]


def add_control(
    chosen: pd.DataFrame,
    labeled: pd.DataFrame,
    pool: pd.DataFrame,
    checkpoint: Checkpoint,
    samples: pd.DataFrame,
    inputs: Inputs,
    query: QueryOptions,
    training: TrainingOptions,
    seed: int,
) -> pd.DataFrame:
    """The next query: behind the strategy's choice the control samples, if there are to be some.

    Then each row says what the network, which has seen none of them, takes it for.
    """
    if not query.control_share:
        return chosen
    from queryloop.tasks.classification.prediction import predicted

    asked = tables.with_control(chosen, pool, tables.query_parts(query, labeled, pool)[1], seed)
    ids = asked["sample_id"].tolist()
    assert isinstance(inputs, np.ndarray)
    with naming_rows(ids, f"cycle {tables.next_cycle(labeled) - 1}, control"):
        names = predicted(checkpoint, inputs, tables.rows_of(samples, ids), training)
    return tables.table("query", asked.assign(predicted=names))


def create_pipeline() -> Pipeline:
    """Evidence and scores to the next query."""
    options = ["dataset", "strategy", "strategy_options", "query", "training", "seed"]
    found = ["evidence", "scores", "reported", "labeled", "pool", *(f"params:{name}" for name in options)]
    asked = ["chosen", "labeled", "pool", "checkpoint", "samples", "inputs"]
    looking = ["params:query", "params:training", "params:seed"]
    return Pipeline(
        [
            Node(select, found, ["chosen", "strategy_quality"], name="select"),
            Node(add_control, [*asked, *looking], "next_query", name="add_control"),
        ]
    )
