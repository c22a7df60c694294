"""Split: test, validation and training samples, and the starting set."""

from __future__ import annotations

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import DataOptions, QueryOptions, StartOptions


def split(
    samples: pd.DataFrame,
    data: DataOptions,
    start: StartOptions,
    query: QueryOptions,
    n_cycles: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say who is tested on, validated on and trained on, and what is labelled first."""
    tables.classes(samples)
    splits = tables.split(samples, data, seed)
    tables.check_sizes(len(tables.ids_in(splits, "train")), start, query, n_cycles)
    return splits, tables.starting_set(samples, splits, start, seed)


def create_pipeline() -> Pipeline:
    """Samples to splits and starting set; runs once for each experiment."""
    options = ["params:data", "params:start", "params:query", "params:n_cycles", "params:seed"]
    return Pipeline([Node(split, ["samples", *options], ["splits", "starting_set"], name="split")])
