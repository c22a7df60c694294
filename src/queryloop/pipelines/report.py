"""Report: one more row of metrics, the learning curve, and a picture of what is asked for next."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import QueryOptions, ScoringOptions, TrainingOptions
from queryloop.pipelines.full_data import REFERENCE
from queryloop.storage.samples import Images, Inputs
from queryloop.tasks.registry import task_of
from queryloop.tasks.task import Data, Looking
from queryloop.training.checkpoint import Checkpoint


def add_metrics(
    metrics: pd.DataFrame,
    labeled: pd.DataFrame,
    pool: pd.DataFrame,
    checkpoint: Checkpoint,
    measured: dict,
    strategy_quality: float,
    splits: pd.DataFrame,
    strategy: str,
    seed: int,
) -> pd.DataFrame:
    """All rows so far and the one of this cycle; and what control labels say of the networks before it."""
    from queryloop.statistics.control import with_estimates

    log = checkpoint.settings["log"]
    row = tables.metrics_row(labeled, splits, log, measured, strategy, seed, strategy_quality)
    so_far = row if metrics.empty else pd.concat([metrics, row], ignore_index=True)
    return tables.table("metrics", with_estimates(so_far, labeled, len(pool)))


def draw_curve(
    metrics: pd.DataFrame,
    full_data: pd.DataFrame,
    reference: str,
    dataset: str,
) -> Any:
    """The learning curve as a plotly figure, beside a training of the same settings on all labels."""
    from queryloop.plots.curve import learning_curve

    beside = full_data[full_data["settings"] == reference]
    return learning_curve(metrics, beside, task_of(dataset).measure)


def draw_query(
    next_query: pd.DataFrame,
    checkpoint: Checkpoint,
    labeled: pd.DataFrame,
    samples: pd.DataFrame,
    images: Images,
    inputs: Inputs,
    splits: pd.DataFrame,
    dataset: str,
    query: QueryOptions,
    scoring: ScoringOptions,
    training: TrainingOptions,
) -> Any:
    """The first samples of the query with score, prediction and truth, as a PIL image."""
    from queryloop.plots.galleries import GALLERIES

    task, data, looking = task_of(dataset), Data(samples, splits, inputs), Looking(query, scoring, training)
    shown = task.shown(checkpoint, data, labeled, next_query, looking, images)
    return GALLERIES[task.name](*shown)


def create_pipeline() -> Pipeline:
    """What a cycle found out, as a table and as pictures."""
    results = ["metrics", "labeled", "pool", "checkpoint", "measured", "strategy_quality", "splits"]
    found = [*results, "params:strategy", "params:seed"]
    drawn = ["metrics_so_far", "full_data", "reference", "params:dataset"]
    looking = ["params:dataset", "params:query", "params:scoring", "params:training"]
    shown = ["next_query", "checkpoint", "labeled", "samples", "images", "inputs", "splits", *looking]
    return Pipeline(
        [
            Node(add_metrics, found, "metrics_so_far", name="report"),
            REFERENCE,
            Node(draw_curve, drawn, "curve", name="draw_curve"),
            Node(draw_query, shown, "gallery", name="draw_query"),
        ]
    )
