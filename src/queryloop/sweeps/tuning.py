"""Choosing training options by the labels of the starting set alone, before any strategy has had a say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from queryloop import samples as tables
from queryloop.errors import OptionsError
from queryloop.options import ExperimentOptions, TrainingOptions
from queryloop.progress import ProgressBar
from queryloop.randomness import generator
from queryloop.readers.registry import find
from queryloop.tasks.task import Recipe

AUGMENTATIONS = ("none", "shift", "affine", "flip_crop")


@dataclass(frozen=True)
class Start:
    """The labelled starting set of one seed. rows, labels: (N,), by the row of `inputs`."""

    options: ExperimentOptions
    inputs: Any
    rows: np.ndarray
    labels: np.ndarray
    classes: list[str]


@dataclass(frozen=True)
class Trial:
    """Training options, and how well they did on labels that were held out: both 0..1, or nats."""

    chosen: dict[str, Any]
    accuracy: float
    nll: float


def search_space(options: ExperimentOptions, fixed: Sequence[str]) -> dict[str, Any]:
    """What is searched: by key of `training` a range (low, high), searched by its logarithm, or choices.

    fixed: keys that stay as they are. Gradient steps stay too: they are the same for all arms.
    """
    space: dict[str, Any] = {
        "learning_rate": (1e-4, 1e-1),
        "weight_decay": (1e-5, 1e-1),
        "batch_size": [16, 32, 64],
        "augmentation": list(AUGMENTATIONS),
        "optimizer": list(get_args(TrainingOptions.model_fields["optimizer"].annotation)),
    }
    if options.model.freeze != "none":
        del space["augmentation"]
    return {key: values for key, values in space.items() if key not in fixed}


def drawn(space: Mapping[str, Any], seed: int, trial: int) -> dict[str, Any]:
    """One draw of each key, the same for (seed, trial); numbers with three digits."""
    draw = generator(seed, trial, "tuning")
    found: dict[str, Any] = {}
    for key, values in space.items():
        if isinstance(values, tuple):
            low, high = np.log(values)
            found[key] = float(f"{np.exp(draw.uniform(low, high)):.3g}")
        else:
            found[key] = values[draw.integers(len(values))]
    return found


def search(starts: Sequence[Start], fixed: Sequence[str], n_trials: int, n_folds: int) -> list[Trial]:
    """The options as they are, then `n_trials` random ones, each cross-validated on every starting set.

    Raises OptionsError where nothing is left to search, or a starting set is too small.
    """
    space = search_space(starts[0].options, fixed)
    if not space:
        raise OptionsError("nothing is left to tune: every training option is set in parameters.yml.")
    if min(len(start.rows) for start in starts) < n_folds:
        raise OptionsError(
            f"{n_folds} folds need as many labels: make start.size larger, or --folds smaller."
        )
    current = starts[0].options.training
    seed = starts[0].options.seed
    candidates = [{key: getattr(current, key) for key in space}]
    candidates += [drawn(space, seed, trial) for trial in range(1, n_trials + 1)]
    trials = []
    with ProgressBar("tuning", len(candidates) * len(starts) * n_folds) as bar:
        for chosen in candidates:
            parts = []
            for start in starts:
                for part in _cross_validated(start, chosen, n_folds):
                    parts.append(part)
                    bar.advance()
            sizes, accuracy, nll = (np.array(values) for values in zip(*parts, strict=True))
            trials.append(Trial(chosen, *(float(np.average(v, weights=sizes)) for v in (accuracy, nll))))
    return trials


def best_of(trials: Sequence[Trial]) -> Trial:
    """The one with the highest accuracy, of equal ones that with the lowest NLL, then the first."""
    return max(trials, key=lambda trial: (trial.accuracy, -trial.nll))


def _cross_validated(
    start: Start, chosen: dict[str, Any], n_folds: int
) -> Iterator[tuple[int, float, float]]:
    """Size, accuracy and NLL of each held-out part of a starting set."""
    from queryloop.tasks.classification import networks

    options = start.options
    training = options.training.model_copy(update={**chosen, "patience": 0})
    order = generator(options.seed, 0, "folds").permutation(len(start.rows))
    for held in np.array_split(order, n_folds):
        kept = np.setdiff1d(order, held)
        labelled = (start.rows[kept], start.labels[kept])
        recipe = Recipe(options.model, training, options.seed)
        checkpoint = networks.train(start.inputs, labelled, start.classes, recipe)
        found = networks.measured(checkpoint, start.inputs, (start.rows[held], start.labels[held]), training)
        yield len(held), found["accuracy"], found["nll"]


def start_of(catalog: Any, options: ExperimentOptions) -> Start:
    """The starting set of a seed with its labels. Raises OptionsError where labels are not known."""
    if options.oracle.name != "simulated":
        raise OptionsError(
            f"oracle.name is {options.oracle.name}: tuning needs the labels of the starting set beforehand."
        )
    if (task := find(options.dataset).task) != "classification":
        raise OptionsError(f"kedro al tune works on images, but data set {options.dataset!r} is for {task}.")
    samples = catalog.load("samples")
    splits = tables.split(samples, options.data, options.seed)
    asked = tables.starting_set(samples, splits, options.start, options.seed)
    labels = samples[samples["sample_id"].isin(asked["sample_id"])]
    images, features = catalog.load("images"), catalog.load("features")
    inputs = features if features.shape[1] else images
    return Start(options, inputs, *tables.labelled_rows(samples, labels), tables.classes(samples))
