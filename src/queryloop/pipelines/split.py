"""Split: test, validation and training samples, and the starting set."""

from __future__ import annotations

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import DataOptions, QueryOptions, StartOptions, StopOptions
from queryloop.statistics.stopping import check_start
from queryloop.storage.samples import Images
from queryloop.tasks.registry import task_of
from queryloop.tasks.task import Data


def split(
    samples: pd.DataFrame,
    images: Images,
    dataset: str,
    data: DataOptions,
    start: StartOptions,
    query: QueryOptions,
    stop: StopOptions,
    n_cycles: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say who is tested on, validated on and trained on, and what is labelled first."""
    splits = tables.split(samples, data, seed)
    whole = Data(samples, splits, images)
    first = task_of(dataset).starting_set(whole, start, query, n_cycles, seed)
    check_start(len(first), stop)
    return splits, first


def create_pipeline() -> Pipeline:
    """Samples to splits and starting set; runs once for each experiment."""
    options = ["dataset", "data", "start", "query", "stop", "n_cycles", "seed"]
    inputs = ["samples", "images", *(f"params:{name}" for name in options)]
    return Pipeline([Node(split, inputs, ["splits", "starting_set"], name="split")])
