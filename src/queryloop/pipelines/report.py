"""Report: one more row of metrics, the learning curve, and a picture of what is asked for next."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.errors import naming_rows
from queryloop.options import DataOptions, ModelOptions, TrainingOptions
from queryloop.training.checkpoint import Checkpoint


def add_metrics(
    metrics: pd.DataFrame,
    labeled: pd.DataFrame,
    checkpoint: Checkpoint,
    evaluation: dict,
    strategy_quality: float,
    splits: pd.DataFrame,
    strategy: str,
    seed: int,
) -> pd.DataFrame:
    """All rows so far and the one of this cycle."""
    log = checkpoint.settings["log"]
    row = tables.metrics_row(labeled, splits, log, evaluation, strategy, seed, strategy_quality)
    return tables.table("metrics", pd.concat([metrics, row], ignore_index=True))


def draw_curve(
    metrics: pd.DataFrame,
    full_data: pd.DataFrame,
    fingerprint: str,
    data: DataOptions,
    model: ModelOptions,
    training: TrainingOptions,
    seed: int,
) -> Any:
    """The learning curve as a plotly figure, beside a training of the same settings on all labels."""
    from queryloop.plots.curve import learning_curve

    key = tables.reference_key(fingerprint, data, model, training, seed)
    return learning_curve(metrics, full_data[full_data["settings"] == key])


def draw_query(
    next_query: pd.DataFrame,
    checkpoint: Checkpoint,
    labeled: pd.DataFrame,
    samples: pd.DataFrame,
    images: np.ndarray,
    inputs: np.ndarray,
    training: TrainingOptions,
) -> Any:
    """The first images of the query with score, predicted and true label, as a PIL image."""
    from queryloop.plots.gallery import query_gallery
    from queryloop.tasks import classification

    ids = next_query["sample_id"].tolist()
    rows = tables.rows_of(samples, ids)
    with naming_rows(ids, f"cycle {tables.next_cycle(labeled) - 1}, report"):
        probs = classification.predict(checkpoint, inputs, rows, frozenset({"probs"}), training)["probs"]
    predicted = np.asarray(checkpoint.settings["classes"])[probs.argmax(dim=1).numpy()]
    captions = next_query.assign(predicted=predicted, label=samples["label"].to_numpy()[rows])
    return query_gallery(images[rows], captions)


def create_pipeline() -> Pipeline:
    """What a cycle found out, as a table and as pictures."""
    results = ["metrics", "labeled", "checkpoint", "evaluation", "strategy_quality", "splits"]
    measured = [*results, "params:strategy", "params:seed"]
    settings = ["fingerprint", "params:data", "params:model", "params:training", "params:seed"]
    shown = ["next_query", "checkpoint", "labeled", "samples", "images", "inputs", "params:training"]
    return Pipeline(
        [
            Node(add_metrics, measured, "metrics_so_far", name="report"),
            Node(draw_curve, ["metrics_so_far", "full_data", *settings], "curve", name="draw_curve"),
            Node(draw_query, shown, "gallery", name="draw_query"),
        ]
    )
