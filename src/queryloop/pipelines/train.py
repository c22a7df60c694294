"""Train: a network on the labelled set, or the one that was trained on the very same before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import __version__
from queryloop import samples as tables
from queryloop.errors import StateError
from queryloop.options import ModelOptions, ScoringOptions, TrainingOptions
from queryloop.randomness import derived_seed
from queryloop.storage.checkpoints import TrainingCache
from queryloop.storage.masks import Masks
from queryloop.storage.samples import Inputs
from queryloop.training.checkpoint import Checkpoint, digest, joined
from queryloop.training.folds import Fold

if TYPE_CHECKING:
    from queryloop.tasks.task import Data


def train(
    labeled: pd.DataFrame,
    pool: pd.DataFrame,
    samples: pd.DataFrame,
    inputs: Inputs,
    splits: pd.DataFrame,
    masks: Masks,
    previous_checkpoint: Checkpoint,
    training_cache: TrainingCache,
    fingerprint: str,
    dataset: str,
    model: ModelOptions,
    training: TrainingOptions,
    scoring: ScoringOptions,
    seed: int,
) -> Checkpoint:
    """Train on the labelled set, each network unless the cache has this training.

    The first network of an ensemble by seeds is the same as without one.
    """
    from queryloop.tasks.task import Data

    data = Data(samples, splits, inputs, masks)
    trained = partial(_trained, labeled, pool, data, training_cache, fingerprint, dataset, model, training)
    size = scoring.ensemble_size if scoring.members == "ensemble" else 1
    seeds = [seed, *(derived_seed(seed, member, "member of the ensemble") for member in range(1, size))]
    by_folds = training.ensemble == "folds"
    folds = [Fold(member, size, seed) if by_folds else None for member in range(size)]
    before = [_before(previous_checkpoint, member, training.reinit) for member in range(size)]
    return joined(list(map(trained, seeds, folds, before)))


def _trained(
    labeled: pd.DataFrame,
    pool: pd.DataFrame,
    data: Data,
    training_cache: TrainingCache,
    fingerprint: str,
    dataset: str,
    model: ModelOptions,
    training: TrainingOptions,
    seed: int,
    fold: Fold | None,
    previous: Checkpoint | None,
) -> Checkpoint:
    """One network: the one in the cache, or else a new one, which is then there.

    Its settings say what it was trained on, and by which seed: so a frozen trunk can be built again.
    """
    from queryloop.tasks.registry import task_of

    validation = tables.known(data.samples, data.splits, "validation")
    sources = {"inputs": fingerprint, **task_of(dataset).sources(model)}
    seen = task_of(dataset).looked_at(data, pool, training)
    key = training_key(labeled, seen, validation, sources, model, training, seed, fold, previous)
    checkpoint = training_cache.get(key)
    if checkpoint is None:
        with _going_on(previous, labeled):
            trained = task_of(dataset).train(data, labeled, pool, model, training, seed, fold, previous)
        origin = {"inputs": fingerprint, "seed": seed}
        checkpoint = Checkpoint({**trained.settings, **origin}, trained.members)
        training_cache.put(key, checkpoint)
    return checkpoint


@contextmanager
def _going_on(previous: Checkpoint | None, labeled: pd.DataFrame) -> Iterator[None]:
    """Let a StateError from inside say whose weights did not fit, if the training began with any."""
    try:
        yield
    except StateError as error:
        if previous is None:
            raise
        cycle = tables.next_cycle(labeled) - 1
        raise StateError(
            f"cycle {cycle}, training, from the checkpoint of cycle {cycle - 1}: {error}"
        ) from error


_LABEL = ["sample_id", "label"]


def _before(previous: Checkpoint, member: int, reinit: str) -> Checkpoint | None:
    """The earlier network that this member starts from, if any."""
    if reinit == "cold" or not previous.members:
        return None
    if str(member) not in previous.members:
        raise StateError(
            f"training.reinit:{reinit} begins with network {member} of the checkpoint before, which has "
            f"{len(previous.members)}: begin with fresh weights (training.reinit:cold)."
        )
    return Checkpoint(previous.settings, {"0": previous.members[str(member)]})


def training_key(
    labeled: pd.DataFrame,
    seen: list[str],
    validation: pd.DataFrame,
    sources: dict[str, str],
    model: ModelOptions,
    training: TrainingOptions,
    seed: int,
    fold: Fold | None,
    previous: Checkpoint | None,
) -> str:
    """SHA-256 of all that a training depends on, as 64 hexadecimal digits.

    seen: ids of what it looks at beside its labelled set. sources: fingerprints of the content and of other
    files by name.
    """
    import torch

    from queryloop.training.compute import resolve, resolve_scoring
    from queryloop.training.registry import OBJECTIVES

    compute, validating = resolve(training), resolve_scoring(training)
    unused = {"device", "precision", "threads", *OBJECTIVES} - {training.beside}  # said below, or off
    said = {
        "sources": sources,
        "labels": labeled[[*_LABEL, *labeled.columns.intersection(tables.BOX)]].to_numpy().tolist(),
        "seen": seen,
        "validation": validation[_LABEL].to_numpy().tolist(),
        "model": model.model_dump(mode="json"),
        "training": training.model_dump(mode="json", exclude=unused) | {"auxiliary": training.beside},
        "compute": [
            compute.device.partition(":")[0],
            compute.precision,
            compute.threads,
            validating.precision,
        ],
        "seed": seed,
        "left out": fold and asdict(fold),
        "previous": previous and {m: digest(arrays) for m, arrays in previous.members.items()},
        "versions": [__version__, torch.__version__],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def create_pipeline(training: str = "params:training") -> Pipeline:
    """Labelled set to checkpoint. training: where its options are."""
    data = ["labeled", "pool", "samples", "inputs", "splits", "masks"]
    before = ["previous_checkpoint", "training_cache", "input_fingerprint"]
    options = ["params:dataset", "params:model", training, "params:scoring", "params:seed"]
    return Pipeline([Node(train, [*data, *before, *options], "checkpoint", name="train")])
