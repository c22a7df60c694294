"""Label: the answers to the last query are taken in; the only node that reads the previous state."""

from __future__ import annotations

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import OracleOptions, QueryOptions, StartOptions
from queryloop.storage.samples import Inputs
from queryloop.tasks.registry import task_of


def ask_oracle(
    samples: pd.DataFrame,
    starting_set: pd.DataFrame,
    labeled_index: pd.DataFrame,
    query: pd.DataFrame,
    answers: pd.DataFrame,
    dataset: str,
    strategy: str,
    start: StartOptions,
    oracle: OracleOptions,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Everything asked so far, and the answers to what has none yet."""
    from queryloop.oracles.people import check_kept
    from queryloop.oracles.registry import answering, is_waited_for

    asked = tables.asked(labeled_index, starting_set if labeled_index.empty else query, strategy)
    open_ = asked[~asked["sample_id"].isin(answers["sample_id"])]
    if open_.empty:
        return asked, tables.table("answers")
    if is_waited_for(oracle.name):
        check_kept(open_, labeled_index)
    who = answering(oracle.name, start.sampler, tables.next_cycle(labeled_index) - 1)
    return asked, who(open_, task_of(dataset).known(open_, samples), oracle, seed)


def take_in(
    asked: pd.DataFrame,
    answers: pd.DataFrame,
    pool_index: pd.DataFrame,
    splits: pd.DataFrame,
    inputs: Inputs,
    dataset: str,
    query: QueryOptions,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The labelled set with its newest labels, and what is left of the pool."""
    first = asked["cycle"].max() == 1
    pool = tables.table("pool_index", tables.ids_in(splits, "train").to_frame()) if first else pool_index
    labeled = tables.resolve_labels(asked, answers)
    return labeled, task_of(dataset).left(pool, labeled, inputs, query)


def create_pipeline() -> Pipeline:
    """Previous state and oracle to the labelled set and the pool of this cycle."""
    state = ["samples", "starting_set", "labeled_index", "query", "answers"]
    options = ["params:dataset", "params:strategy", "params:start", "params:oracle", "params:seed"]
    found = ["asked", "answers_next", "pool_index", "splits", "inputs", "params:dataset", "params:query"]
    return Pipeline(
        [
            Node(ask_oracle, [*state, *options], ["asked", "answers_next"], name="ask_oracle"),
            Node(take_in, found, ["labeled", "pool"], name="take_in"),
        ]
    )
