"""Train: a network on the labelled set, or the one that was trained on the very same before."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import __version__
from queryloop import samples as tables
from queryloop.errors import naming_rows
from queryloop.options import ModelOptions, ScoringOptions, TrainingOptions
from queryloop.randomness import derived_seed
from queryloop.storage.checkpoints import TrainingCache
from queryloop.training.checkpoint import Checkpoint


def train(
    labeled: pd.DataFrame,
    samples: pd.DataFrame,
    images: np.ndarray,
    splits: pd.DataFrame,
    previous_checkpoint: Checkpoint,
    training_cache: TrainingCache,
    fingerprint: str,
    model: ModelOptions,
    training: TrainingOptions,
    scoring: ScoringOptions,
    seed: int,
) -> Checkpoint:
    """Train on the labelled set, each network unless the cache has this training.

    The first network is the same with and without an ensemble.
    """
    from queryloop.tasks import classification

    validation = tables.known(samples, splits, "validation")

    def network(member: int) -> Checkpoint:
        previous = _before(previous_checkpoint, member, training.reinit)
        own_seed = derived_seed(seed, member, "member of the ensemble") if member else seed
        key = training_key(labeled, validation, fingerprint, model, training, own_seed, previous)
        checkpoint = training_cache.get(key)
        if checkpoint is None:
            with naming_rows(
                samples["sample_id"].tolist(), f"cycle {tables.next_cycle(labeled) - 1}, training"
            ):
                checkpoint = classification.train(
                    images,
                    *tables.labelled_rows(samples, labeled),
                    tables.labelled_rows(samples, validation) if len(validation) else None,
                    tables.classes(samples),
                    model,
                    training,
                    own_seed,
                    previous,
                )
            training_cache.put(key, checkpoint)
        return checkpoint

    size = scoring.ensemble_size if scoring.members == "ensemble" else 1
    return classification.joined([network(member) for member in range(size)])


def _before(previous: Checkpoint, member: int, reinit: str) -> Checkpoint | None:
    """The earlier network that this member starts from, if any."""
    if reinit == "cold" or not previous.members:
        return None
    return Checkpoint(previous.settings, {"0": previous.members[str(member)]})


def training_key(
    labeled: pd.DataFrame,
    validation: pd.DataFrame,
    fingerprint: str,
    model: ModelOptions,
    training: TrainingOptions,
    seed: int,
    previous: Checkpoint | None,
) -> str:
    """SHA-256 of all that a training depends on, as 64 hexadecimal digits."""
    import torch

    from queryloop.training.compute import resolve

    compute = resolve(training)
    said = {
        "images": fingerprint,
        "labels": [labeled["sample_id"].tolist(), labeled["label"].tolist()],
        "validation": [validation["sample_id"].tolist(), validation["label"].tolist()],
        "model": model.model_dump(),
        "training": training.model_dump() | {"device": compute.device.partition(":")[0]},
        "compute": [compute.precision, compute.threads],
        "seed": seed,
        "previous": previous and {m: _digest(arrays) for m, arrays in previous.members.items()},
        "versions": [__version__, torch.__version__],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _digest(arrays: dict[str, np.ndarray]) -> str:
    hashed = hashlib.sha256()
    for name in sorted(arrays):
        hashed.update(name.encode())
        hashed.update(np.ascontiguousarray(arrays[name]).data)
    return hashed.hexdigest()


def create_pipeline() -> Pipeline:
    """Labelled set to checkpoint."""
    data = ["labeled", "samples", "images", "splits", "previous_checkpoint", "training_cache", "fingerprint"]
    options = ["params:model", "params:training", "params:scoring", "params:seed"]
    return Pipeline([Node(train, [*data, *options], "checkpoint", name="train")])
