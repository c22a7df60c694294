"""Full data: one training on every label, the reference line of all curves."""

from __future__ import annotations

import logging

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import DataOptions, ModelOptions, TrainingOptions
from queryloop.pipelines import embed, evaluate, ingest, train
from queryloop.storage.samples import Images
from queryloop.training.checkpoint import Checkpoint

logger = logging.getLogger(__name__)


def label_all(
    samples: pd.DataFrame, images: Images, dataset: str, data: DataOptions, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Checkpoint]:
    """The splits of this seed, all training samples with their labels, an empty pool, no earlier network."""
    from queryloop.tasks.registry import task_of
    from queryloop.tasks.task import Data

    splits = tables.split(samples, data, seed)
    labeled = task_of(dataset).everything(Data(samples, splits, images))
    return splits, labeled, tables.table("pool_index"), Checkpoint({}, {})


def in_one(training: TrainingOptions, n_cycles: int) -> TrainingOptions:
    """As many steps as those of an experiment add up to, where its networks go on from cycle to cycle."""
    return training.in_one(n_cycles)


def measure(
    labeled: pd.DataFrame,
    checkpoint: Checkpoint,
    measured: dict,
    splits: pd.DataFrame,
    fingerprint: str,
    dataset: str,
    data: DataOptions,
    model: ModelOptions,
    training: TrainingOptions,
    n_cycles: int,
    seed: int,
) -> pd.DataFrame:
    """One row of metrics under the hash of the settings that made it."""
    from queryloop.tasks.registry import task_of

    row = tables.metrics_row(labeled, splits, checkpoint.settings["log"], measured, "full_data", seed)
    key = tables.reference_key(fingerprint, data, model, training, n_cycles, seed)
    measure = task_of(dataset).measure
    logger.info("trained on all %d labels: %s %.4f", len(labeled), measure, measured[measure])
    return tables.table("full_data", row.assign(settings=key))


def create_pipeline() -> Pipeline:
    """Samples to the metrics of a training on all of them; touches no experiment."""
    options = ["dataset", "data", "model", "training", "n_cycles", "seed"]
    settings = ["fingerprint", *(f"params:{name}" for name in options)]
    start = Node(
        label_all,
        ["samples", "images", "params:dataset", "params:data", "params:seed"],
        ["splits", "labeled", "pool", "previous_checkpoint"],
        name="label_all",
    )
    length = Node(in_one, ["params:training", "params:n_cycles"], "whole_training", name="in_one")
    found = ["labeled", "checkpoint", "measured", "splits", *settings]
    end = Node(measure, found, "full_data", name="measure")
    shared = ingest.create_pipeline() + embed.create_pipeline()
    return shared + Pipeline(
        [start, length, train.create_pipeline(training="whole_training"), evaluate.create_pipeline(), end],
        namespace="full_data",
        inputs={"samples", "images", "inputs", "masks", "training_cache", "fingerprint", "input_fingerprint"},
        outputs={"full_data"},
        parameters={*settings[1:], "params:query", "params:scoring", "params:evaluation"},
    )
