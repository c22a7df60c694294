"""Training and testing networks on images: one class each, cross-entropy, softmax probabilities."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from queryloop.errors import InputError, OptionsError, counting_rows
from queryloop.models.auxiliary import attach
from queryloop.models.network import Network
from queryloop.models.registry import build, check, load_pretrained
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.randomness import derived_seed
from queryloop.tasks.classification.metrics import evaluate, rank_correlation
from queryloop.tasks.classification.prediction import predict, probabilities, reduction
from queryloop.tasks.task import Recipe
from queryloop.training import predict as scoring
from queryloop.training.batches import Batches
from queryloop.training.checkpoint import Checkpoint, weights_of
from queryloop.training.compute import Compute, isolated, resolve, resolve_scoring
from queryloop.training.fit import Fitted, fit
from queryloop.training.objective import Losses
from queryloop.training.pixels import Pixels, measure
from queryloop.training.registry import OBJECTIVES
from queryloop.training.reinit import REINIT
from queryloop.training.restore import refuse_others

Labelled = tuple[np.ndarray, np.ndarray]
"""Rows of the image array and the class number of each."""

_NO_ROWS = np.empty(0, dtype=np.int64)


def train(
    images: np.ndarray,
    labelled: Labelled,
    classes: list[str],
    recipe: Recipe,
    validation: Labelled | None = None,
    pool: np.ndarray = _NO_ROWS,
) -> Checkpoint:
    """Train one network on the labelled rows.

    images: (M, H, W, C) uint8, may be a read-only memory map; or features (M, D) fp32, where
    model.freeze says so. labelled: N rows, classes in 0..len(classes)-1. All draws come from (seed, N,
    purpose), so any two trainings on N labels share their initial weights. validation: other rows, for early
    stopping and the log. pool: rows without a label, for an auxiliary that looks at them. Raises InputError
    without a labelled row, OptionsError for patience without validation rows, StateError for a previous
    network of other images or classes, NonFiniteRowsError.
    """
    (rows, labels), model, training = labelled, recipe.model, recipe.training
    _check(len(rows), validation, training)
    compute, pixels = resolve(training), _pixels(images, rows, model)
    score = partial(_accuracy, images, pixels, resolve_scoring(training))
    batches = Batches(images, rows, labels.astype(np.int64), pixels, training, recipe.seed, compute.device)
    with isolated(compute.threads):
        torch.manual_seed(derived_seed(recipe.seed, len(rows), "initial weights"))
        network = _initial(images.shape[1:], classes, recipe)
        torch.manual_seed(derived_seed(recipe.seed, len(rows), "dropout"))
        validate = None if validation is None else partial(score, validation)
        losses = _losses(labels, len(classes), training, compute.device)
        objective = OBJECTIVES[training.beside](losses, batches, pool)
        fitted = fit(network, batches, objective, training, compute, validate)
        objective.finish(network)
    log = {"train_accuracy": score(labelled, network), **_log(fitted)}
    log |= {"auxiliary_steps": objective.steps, "auxiliary_quality": objective.quality(network)}
    settings = _settings(images.shape[1:], classes, model, training)
    settings |= {**asdict(pixels), "precision": compute.precision, "log": log}
    return Checkpoint(settings, {"0": weights_of(network)})


def _settings(
    shape: tuple[int, ...], classes: list[str], model: ModelOptions, training: TrainingOptions
) -> dict[str, Any]:
    """What the network is built from again."""
    return {
        "model": model.model_dump(mode="json"),
        "shape": list(shape),
        "classes": list(classes),
        "auxiliary": training.model_dump(include={"auxiliary", training.beside}),
    }


def _initial(shape: tuple[int, ...], classes: list[str], recipe: Recipe) -> Network:
    """The network as training begins, from torch's random state."""
    model, training, previous = recipe.model, recipe.training, recipe.previous
    network = build(model, shape, len(classes))
    load_pretrained(network, model, shape)
    attach(network, shape, training)
    network.to(memory_format=torch.channels_last)
    if previous is not None:
        refuse_others(previous, shape=shape, classes=classes)
        REINIT[training.reinit](network, previous.members["0"])
    return network


def _losses(labels: np.ndarray, n_classes: int, training: TrainingOptions, device: str) -> Losses:
    """Cross-entropy of each sample, under weights whose mean over the labelled set is 1."""
    weights = None
    if training.class_weights == "balanced":
        counts = np.bincount(labels, minlength=n_classes)
        balanced = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        weights = torch.tensor(balanced, dtype=torch.float32, device=device)
    return partial(F.cross_entropy, weight=weights, reduction="none")


def measured(
    checkpoint: Checkpoint, images: np.ndarray, labelled: Labelled, training: TrainingOptions
) -> dict[str, float]:
    """All metrics on labelled rows, from one pass; of a loss module also how well it ranks them."""
    rows, targets = labelled
    judged = _JUDGED.get(checkpoint.settings["auxiliary"]["auxiliary"], {})
    seen = predict(checkpoint, images, rows, frozenset({"probs", *judged}), training)
    found = evaluate(seen["probs"], targets)
    for need, quality in judged.items():
        found["auxiliary_quality"] = quality(seen["probs"], targets, seen[need])
    return found


_JUDGED = {"learning_loss": {"predicted_loss": rank_correlation}}
"""By auxiliary: what it says of samples, and how good that is where their labels are known."""


def _pixels(images: np.ndarray, rows: np.ndarray, model: ModelOptions) -> Pixels:
    """Those that pretrained weights expect, else those of the labelled rows."""
    source = check(model).pretrained
    if model.pretrained and source is not None:
        return Pixels(*source.scale(images.shape[-1]))
    return measure(images, rows)


def _accuracy(
    images: np.ndarray, pixels: Pixels, compute: Compute, labelled: Labelled, network: Network
) -> float:
    """In eval mode and without augmentation. Raises NonFiniteRowsError with the first row of the images."""
    rows, labels = labelled
    reduce = reduction({"probs": probabilities})
    with counting_rows(rows.tolist()):
        probs = scoring.predict([network], reduce, images, rows, pixels, compute)["probs"]
    return float((probs.argmax(dim=1).numpy() == labels).mean())


def _log(fitted: Fitted) -> dict[str, Any]:
    return {
        "gradient_steps": fitted.steps,
        "learning_rate": fitted.learning_rate,
        "val_accuracy": fitted.last,
        "best_val_accuracy": fitted.best,
    }


def _check(n_labelled: int, validation: Labelled | None, training: TrainingOptions) -> None:
    if n_labelled == 0:
        raise InputError("there is no labelled sample to train on.")
    if training.patience and validation is None:
        raise OptionsError(
            f"training.patience is {training.patience}, but there are no validation samples to stop by. "
            "Set data.validation, or training.patience:0."
        )
