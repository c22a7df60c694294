"""Train: a network on the labelled set, or the one that was trained on the very same before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial

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
from queryloop.tasks.registry import task_of
from queryloop.tasks.task import Data, Recipe
from queryloop.training.checkpoint import Checkpoint, digest, joined
from queryloop.training.folds import Fold


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
    data = Data(samples, splits, inputs, masks)
    size = scoring.ensemble_size if scoring.members == "ensemble" else 1
    seeds = [seed, *(derived_seed(seed, member, "member of the ensemble") for member in range(1, size))]
    by_folds = training.ensemble == "folds"
    folds = [Fold(member, size, seed) if by_folds else None for member in range(size)]
    before = [_before(previous_checkpoint, member, training.reinit) for member in range(size)]
    recipes = map(partial(Recipe, model, training), seeds, folds, before)
    return joined([trained(labeled, pool, data, training_cache, fingerprint, dataset, r) for r in recipes])


def trained(
    labeled: pd.DataFrame,
    pool: pd.DataFrame,
    data: Data,
    training_cache: TrainingCache,
    fingerprint: str,
    dataset: str,
    recipe: Recipe,
) -> Checkpoint:
    """One network: the one in the cache, or else a new one, which is then there.

    Its settings say what it was trained on, and by which seed: so a frozen trunk can be built again.
    """
    task = task_of(dataset)
    validation = tables.known(data.samples, data.splits, "validation")
    sources = {"inputs": fingerprint, **task.sources(recipe.model)}
    key = training_key(labeled, task.looked_at(data, pool, recipe.training), validation, sources, recipe)
    checkpoint = training_cache.get(key)
    if checkpoint is None:
        with _going_on(recipe.previous, labeled):
            made = task.train(data, labeled, pool, recipe)
        origin = {"inputs": fingerprint, "seed": recipe.seed}
        checkpoint = Checkpoint({**made.settings, **origin}, made.members)
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
    recipe: Recipe,
) -> str:
    """SHA-256 of all that a training depends on, as 64 hexadecimal digits.

    seen: ids of what it looks at beside its labelled set. sources: fingerprints of the content and of other
    files by name.
    """
    import torch

    from queryloop.training.compute import resolve, resolve_scoring
    from queryloop.training.registry import OBJECTIVES

    training, previous = recipe.training, recipe.previous
    compute, validating = resolve(training), resolve_scoring(training)
    unused = {"device", "precision", "threads", *OBJECTIVES} - {training.beside}  # said below, or off
    said = {
        "sources": sources,
        "labels": labeled[[*_LABEL, *labeled.columns.intersection(tables.BOX)]].to_numpy().tolist(),
        "seen": seen,
        "validation": validation[_LABEL].to_numpy().tolist(),
        "model": recipe.model.model_dump(mode="json"),
        "training": training.model_dump(mode="json", exclude=unused) | {"auxiliary": training.beside},
        "compute": [
            compute.device.partition(":")[0],
            compute.precision,
            compute.threads,
            validating.precision,
        ],
        "seed": recipe.seed,
        "left out": recipe.fold and asdict(recipe.fold),
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
