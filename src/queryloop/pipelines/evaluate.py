"""Evaluate: how good the checkpoint is on the test set, which nothing else touches."""

from __future__ import annotations

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.errors import naming_rows
from queryloop.options import TrainingOptions
from queryloop.training.checkpoint import Checkpoint


def evaluate(
    checkpoint: Checkpoint,
    labeled: pd.DataFrame,
    samples: pd.DataFrame,
    inputs: np.ndarray,
    splits: pd.DataFrame,
    training: TrainingOptions,
) -> dict[str, float]:
    """Metrics of the checkpoint on the test set."""
    from queryloop.tasks import classification

    test = tables.known(samples, splits, "test")
    with naming_rows(test["sample_id"].tolist(), f"cycle {tables.next_cycle(labeled) - 1}, evaluation"):
        return classification.measured(checkpoint, inputs, tables.labelled_rows(samples, test), training)


def create_pipeline() -> Pipeline:
    """Checkpoint and test set to metrics."""
    inputs = ["checkpoint", "labeled", "samples", "inputs", "splits", "params:training"]
    return Pipeline([Node(evaluate, inputs, "evaluation", name="evaluate")])
