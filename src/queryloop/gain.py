"""Whether a strategy is ahead of random, by the experiment's own labels: both ways of asking are trained."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from queryloop import samples as tables
from queryloop.errors import StateError
from queryloop.experiment import Experiment
from queryloop.options import ExperimentOptions
from queryloop.pipelines.embed import embed
from queryloop.pipelines.train import trained
from queryloop.progress import ProgressBar
from queryloop.randomness import derived_seed
from queryloop.statistics.control import gain_told, missing
from queryloop.storage import state
from queryloop.tasks.task import Data, Recipe

FOLDS = 10
"""Parts of the control labels; each is judged by networks that learn from the others."""


def control_labels(experiment: Experiment) -> pd.DataFrame:
    """The control labels so far, in the order in which they were drawn."""
    labeled, pool = experiment.catalog.load("labeled_index"), experiment.catalog.load("pool_index")
    return tables.random_sample(labeled, pool, experiment.options.start.sampler, experiment.options.seed)


def tell_gain(experiment: Experiment) -> str:
    """Train on random labels and on as many that the strategy asked for, and say which is ahead.

    Raises StateError where the experiment has no control labels or too few, or was run with other settings.
    """
    _check(experiment)
    control = control_labels(experiment)
    if few := missing(len(control)):
        raise StateError(f"the gain over random is {few}.")
    judged = []
    with ProgressBar("training on random labels and on those asked for", FOLDS) as bar:
        for fold in range(FOLDS):
            judged.append(_judged(experiment, control, fold))
            bar.advance()
    return gain_told(experiment.options.strategy, pd.concat(judged))


def _check(experiment: Experiment) -> None:
    settings = state.read_settings(experiment.home)
    if settings is None or experiment.n_committed < 2:
        raise StateError(f"the experiment at {experiment.home} has taken in no query yet: run it first.")
    if not settings["query"]["control_share"]:
        raise StateError(
            f"the experiment at {experiment.home} has no control labels: begin one with "
            "query.control_share:0.1 and another experiment name."
        )
    experiment.check_settings()


def _judged(experiment: Experiment, control: pd.DataFrame, fold: int) -> pd.DataFrame:
    """Whether networks of both ways are right on control labels that neither has seen."""
    labeled, options = experiment.catalog.load("labeled_index"), experiment.options
    held_out = control.iloc[fold::FOLDS]
    random, asked = tables.as_many_each(labeled, control, held_out, options.start.sampler)
    seed = derived_seed(options.seed, fold, "gain over random")  # training varies, too
    right = partial(_right, experiment.catalog, options, seed, held_out)
    found = {"strategy": right(asked), "random": right(random), "n_labels": len(random), "fold": fold}
    return pd.DataFrame(found)


def _right(
    catalog: Any, options: ExperimentOptions, seed: int, held_out: pd.DataFrame, learned: pd.DataFrame
) -> pd.Series:
    """Whether a network trained on some labels, as in a cycle, is right on others."""
    from queryloop.tasks.classification.prediction import predicted

    samples, inputs = catalog.load("samples"), embed(catalog.load("images"), catalog.load("features"))
    pool, cache, content = map(catalog.load, ("pool_index", "training_cache", "input_fingerprint"))
    data = Data(samples, catalog.load("splits"), inputs)
    recipe = Recipe(options.model, options.training, seed)
    checkpoint = trained(learned, pool, data, cache, content, options.dataset, recipe)
    rows = tables.rows_of(samples, held_out["sample_id"].tolist())
    assert isinstance(inputs, np.ndarray)
    return held_out["label"] == predicted(checkpoint, inputs, rows, options.training)
