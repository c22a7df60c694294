"""Evaluate: how good the checkpoint is on the test set, which nothing else touches."""

from __future__ import annotations

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop.options import EvaluationOptions, QueryOptions, ScoringOptions, TrainingOptions
from queryloop.storage.masks import Masks
from queryloop.storage.samples import Inputs
from queryloop.tasks.registry import task_of
from queryloop.tasks.task import Data, Looking
from queryloop.training.checkpoint import Checkpoint


def evaluate(
    checkpoint: Checkpoint,
    labeled: pd.DataFrame,
    samples: pd.DataFrame,
    inputs: Inputs,
    splits: pd.DataFrame,
    masks: Masks,
    dataset: str,
    query: QueryOptions,
    scoring: ScoringOptions,
    training: TrainingOptions,
    evaluation: EvaluationOptions,
) -> dict[str, float]:
    """Metrics of the checkpoint on the test set, and of what is labelled."""
    data, looking = Data(samples, splits, inputs, masks), Looking(query, scoring, training)
    return task_of(dataset).measured(checkpoint, data, labeled, looking, evaluation)


def create_pipeline() -> Pipeline:
    """Checkpoint and test set to metrics."""
    inputs = ["checkpoint", "labeled", "samples", "inputs", "splits", "masks"]
    options = ["dataset", "query", "scoring", "training", "evaluation"]
    named = [f"params:{name}" for name in options]
    return Pipeline([Node(evaluate, [*inputs, *named], "measured", name="evaluate")])
