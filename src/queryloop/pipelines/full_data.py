"""Full data: one training on every label, the reference line of all curves."""

from __future__ import annotations

import logging

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import DataOptions, EvaluationOptions, ModelOptions, ScoringOptions, TrainingOptions
from queryloop.pipelines import embed, evaluate, ingest, train
from queryloop.storage.samples import Images
from queryloop.tasks.registry import task_of
from queryloop.tasks.task import Data
from queryloop.training.checkpoint import Checkpoint

logger = logging.getLogger(__name__)


def label_all(
    samples: pd.DataFrame, images: Images, dataset: str, data: DataOptions, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Checkpoint]:
    """The splits of this seed, all training samples with their labels, an empty pool, no earlier network."""
    splits = tables.split(samples, data, seed)
    labeled = task_of(dataset).everything(Data(samples, splits, images))
    return splits, labeled, tables.table("pool_index"), Checkpoint({}, {})


def in_one(training: TrainingOptions, n_cycles: int) -> TrainingOptions:
    """As many steps as those of an experiment add up to, where its networks go on from cycle to cycle."""
    return training.in_one(n_cycles)


def refer(
    fingerprint: str,
    dataset: str,
    data: DataOptions,
    model: ModelOptions,
    training: TrainingOptions,
    scoring: ScoringOptions,
    evaluation: EvaluationOptions,
    n_cycles: int,
    seed: int,
) -> str:
    """The key of a training on all labels that belongs to an experiment with these settings."""
    from queryloop.training.compute import precisions

    groups = {
        "data": data,
        "model": model,
        "training": training,
        "scoring": scoring,
        "evaluation": evaluation,
    }
    settings = {
        **{name: group.model_dump(mode="json") for name, group in groups.items()},
        "samples": fingerprint,
        "sources": task_of(dataset).sources(model),
        "computing": precisions(training),
        "seed": seed,
    }
    return tables.reference_key(settings, n_cycles)


REFERENCE = Node(
    refer,
    [
        "fingerprint",
        *(f"params:{name}" for name in ("dataset", "data", "model", "training", "scoring", "evaluation")),
        *("params:n_cycles", "params:seed"),
    ],
    "reference",
    name="refer",
)
"""The node that a curve and its reference line have in common."""


def measure(
    labeled: pd.DataFrame,
    checkpoint: Checkpoint,
    measured: dict,
    splits: pd.DataFrame,
    reference: str,
    dataset: str,
    seed: int,
) -> pd.DataFrame:
    """One row of metrics under the key of the settings that made it."""
    row = tables.metrics_row(labeled, splits, checkpoint.settings["log"], measured, "full_data", seed)
    measure = task_of(dataset).measure
    logger.info("trained on all %d labels: %s %.4f", len(labeled), measure, measured[measure])
    return tables.table("full_data", row.assign(settings=reference))


def create_pipeline() -> Pipeline:
    """Samples to the metrics of a training on all of them; touches no experiment."""
    start = Node(
        label_all,
        ["samples", "images", "params:dataset", "params:data", "params:seed"],
        ["splits", "labeled", "pool", "previous_checkpoint"],
        name="label_all",
    )
    length = Node(in_one, ["params:training", "params:n_cycles"], "whole_training", name="in_one")
    found = ["labeled", "checkpoint", "measured", "splits", "reference", "params:dataset", "params:seed"]
    end = Node(measure, found, "full_data", name="measure")
    shared = ingest.create_pipeline() + embed.create_pipeline()
    return shared + Pipeline(
        [
            start,
            length,
            REFERENCE,
            train.create_pipeline(training="whole_training"),
            evaluate.create_pipeline(),
            end,
        ],
        namespace="full_data",
        inputs={"samples", "images", "inputs", "masks", "training_cache", "fingerprint", "input_fingerprint"},
        outputs={"full_data"},
        parameters={name for name in REFERENCE.inputs if name.startswith("params:")} | {"params:query"},
    )
