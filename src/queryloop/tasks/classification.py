"""Classification of images: one class each, cross-entropy, softmax probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from queryloop.errors import InputError, NonFiniteRowsError, OptionsError, unknown
from queryloop.models.network import Network
from queryloop.models.registry import build
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.randomness import derived_seed
from queryloop.tasks.metrics import evaluate
from queryloop.training import predict as scoring
from queryloop.training.batches import Batches
from queryloop.training.checkpoint import Checkpoint
from queryloop.training.compute import Compute, isolated, resolve, resolve_scoring
from queryloop.training.fit import Fitted, fit
from queryloop.training.pixels import Pixels, measure
from queryloop.training.reinit import REINIT

__all__ = ["evaluate", "predict", "restore", "train"]

Labelled = tuple[np.ndarray, np.ndarray]
"""Rows of the image array and the class number of each."""


def train(
    images: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    validation: Labelled | None,
    classes: list[str],
    model: ModelOptions,
    training: TrainingOptions,
    seed: int,
    previous: Checkpoint | None = None,
) -> Checkpoint:
    """Train one network on the labelled rows.

    images: (M, H, W, C) uint8, may be a read-only memory map. rows: (N,) positions in it, labels: (N,) in
    0..len(classes)-1. validation: other rows, for early stopping and the log. seed: all draws come
    from (seed, N, purpose), so any two trainings on N labels share their initial weights. previous:
    where `reinit` warm and shrink_perturb start; None starts cold. Raises InputError without a
    labelled row, OptionsError for patience without validation rows, NonFiniteRowsError.
    """
    _check(len(rows), validation, training)
    compute, pixels = resolve(training), measure(images, rows)
    score = partial(_accuracy, images, pixels, resolve_scoring(training))
    batches = Batches(images, rows, labels.astype(np.int64), pixels, training, seed, compute.device)
    with isolated(compute.threads):
        torch.manual_seed(derived_seed(seed, len(rows), "initial weights"))
        network = build(model, images.shape[1:], len(classes)).to(memory_format=torch.channels_last)
        if previous is not None:
            REINIT[training.reinit](network, previous.members["0"])
        torch.manual_seed(derived_seed(seed, len(rows), "dropout"))
        validate = None if validation is None else partial(score, validation)
        fitted = fit(network, batches, F.cross_entropy, training, compute, validate)
    log = {"train_accuracy": score((rows, labels), network), **_log(fitted, validation)}
    settings = {"model": model.model_dump(), "shape": list(images.shape[1:]), "classes": list(classes)}
    settings |= {**asdict(pixels), "precision": compute.precision, "log": log}
    return Checkpoint(settings, {"0": _arrays(network)})


def predict(
    checkpoint: Checkpoint,
    images: np.ndarray,
    rows: np.ndarray,
    needs: frozenset[str],
    training: TrainingOptions,
) -> dict[str, Any]:
    """What a strategy or the evaluation needs, from one pass over the rows, in their order.

    needs: any of probs (N, K), mean over the members; embeddings (N, D) and head (weight (K, D), bias
    (K,)) of the first member; n_classes. All fp32, on the CPU. Only probs and embeddings look at an
    image. training gives device, threads and precision. Raises NonFiniteRowsError, OptionsError for
    an unknown need.
    """
    for need in needs - {*_PER_SAMPLE, *_CONSTANT}:
        raise unknown("need", need, {*_PER_SAMPLE, *_CONSTANT})
    found: dict[str, Any] = {name: _CONSTANT[name](checkpoint) for name in needs & set(_CONSTANT)}
    wanted = {name: _PER_SAMPLE[name] for name in sorted(needs & set(_PER_SAMPLE))}
    if wanted:
        settings = checkpoint.settings
        pixels, compute = Pixels(settings["mean"], settings["std"]), resolve_scoring(training)
        found |= scoring.predict(restore(checkpoint), _reduction(wanted), images, rows, pixels, compute)
    return found


def restore(checkpoint: Checkpoint) -> list[Network]:
    """The networks of a checkpoint in eval mode, on the CPU."""
    settings = checkpoint.settings
    options = ModelOptions.model_validate(settings["model"])
    networks = []
    for weights in checkpoint.members.values():
        with torch.random.fork_rng(devices=[]):
            network = build(options, tuple(settings["shape"]), len(settings["classes"]))
        network.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})
        networks.append(network.eval())
    return networks


Embedded = Sequence[tuple[Network, Tensor]]


def _probs(embedded: Embedded) -> Tensor:
    return torch.stack([_softmax(network.head(features)) for network, features in embedded]).mean(dim=0)


def _softmax(logits: Tensor) -> Tensor:
    """In fp32. A logit of -inf would pass as an innocent 0, so it becomes NaN for the check."""
    logits = logits.float()
    return F.softmax(logits.where(logits.isfinite(), torch.nan), dim=1)


_PER_SAMPLE: dict[str, Callable[[Embedded], Tensor]] = {
    "probs": _probs,
    "embeddings": lambda embedded: embedded[0][1].float(),
}

_CONSTANT: dict[str, Callable[[Checkpoint], Any]] = {
    "n_classes": lambda checkpoint: len(checkpoint.settings["classes"]),
    "head": lambda checkpoint: tuple(
        torch.tensor(checkpoint.members["0"][f"head.1.{name}"]) for name in ("weight", "bias")
    ),
}


def _reduction(wanted: dict[str, Callable[[Embedded], Tensor]]) -> scoring.Reduction[Network]:
    def reduce(networks: Sequence[Network], inputs: Tensor) -> dict[str, Tensor]:
        embedded = [(network, network.embed(inputs)) for network in networks]
        return {name: take(embedded) for name, take in wanted.items()}

    return reduce


def _accuracy(
    images: np.ndarray, pixels: Pixels, compute: Compute, labelled: Labelled, network: Network
) -> float:
    """In eval mode and without augmentation. Raises NonFiniteRowsError with the first row of the images."""
    rows, labels = labelled
    reduce = _reduction({"probs": _PER_SAMPLE["probs"]})
    try:
        probs = scoring.predict([network], reduce, images, rows, pixels, compute)["probs"]
    except NonFiniteRowsError as e:
        raise NonFiniteRowsError(e.count, e.total, int(rows[e.first])) from None
    return float((probs.argmax(dim=1).numpy() == labels).mean())


def _log(fitted: Fitted, validation: Labelled | None) -> dict[str, Any]:
    return {
        "gradient_steps": fitted.steps,
        "val_accuracy": fitted.last,
        "best_val_accuracy": fitted.best,
        "n_validation": 0 if validation is None else len(validation[0]),
    }


def _arrays(network: Network) -> dict[str, np.ndarray]:
    return {name: value.cpu().contiguous().numpy() for name, value in network.state_dict().items()}


def _check(n_labelled: int, validation: Labelled | None, training: TrainingOptions) -> None:
    if n_labelled == 0:
        raise InputError("there is no labelled sample to train on.")
    if training.patience and validation is None:
        raise OptionsError(
            f"training.patience is {training.patience}, but there are no validation samples to stop by. "
            "Set data.validation, or training.patience:0."
        )
