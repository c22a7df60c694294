"""Full data: one training on every label, the reference line of all curves."""

from __future__ import annotations

import logging

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import DataOptions, ModelOptions, TrainingOptions
from queryloop.pipelines import embed, evaluate, ingest, train
from queryloop.training.checkpoint import Checkpoint

logger = logging.getLogger(__name__)


def label_all(
    samples: pd.DataFrame, data: DataOptions, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Checkpoint]:
    """The splits of this seed, all training samples with their labels, an empty pool, no earlier network."""
    splits = tables.split(samples, data, seed)
    labeled = tables.known(samples, splits, "train").assign(cycle=0)
    return splits, labeled, tables.table("pool_index"), Checkpoint({}, {})


def measure(
    labeled: pd.DataFrame,
    checkpoint: Checkpoint,
    evaluation: dict,
    splits: pd.DataFrame,
    fingerprint: str,
    data: DataOptions,
    model: ModelOptions,
    training: TrainingOptions,
    seed: int,
) -> pd.DataFrame:
    """One row of metrics under the hash of the settings that made it."""
    row = tables.metrics_row(labeled, splits, checkpoint.settings["log"], evaluation, "full_data", seed)
    key = tables.reference_key(fingerprint, data, model, training, seed)
    logger.info("trained on all %d labels: accuracy %.4f", len(labeled), evaluation["accuracy"])
    return tables.table("full_data", row.assign(settings=key))


def create_pipeline() -> Pipeline:
    """Samples to the metrics of a training on all of them; touches no experiment."""
    settings = ["fingerprint", "params:data", "params:model", "params:training", "params:seed"]
    start = Node(
        label_all,
        ["samples", "params:data", "params:seed"],
        ["splits", "labeled", "pool", "previous_checkpoint"],
        name="label_all",
    )
    measured = ["labeled", "checkpoint", "evaluation", "splits", *settings]
    end = Node(measure, measured, "full_data", name="measure")
    shared = ingest.create_pipeline() + embed.create_pipeline()
    return shared + Pipeline(
        [start, train.create_pipeline(), evaluate.create_pipeline(), end],
        namespace="full_data",
        inputs={"samples", "inputs", "training_cache", "fingerprint", "input_fingerprint"},
        outputs={"full_data"},
        parameters={*settings[1:], "params:scoring"},
    )
