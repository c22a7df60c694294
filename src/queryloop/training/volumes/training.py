"""Training one U-Net on partly labelled volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from queryloop.models.registry import check_volumes
from queryloop.models.unet import unet3d
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.randomness import derived_seed
from queryloop.training.checkpoint import weights_of
from queryloop.training.compute import isolated, resolve
from queryloop.training.fit import fit
from queryloop.training.reinit import REINIT
from queryloop.training.volumes.batches import VolumeBatches
from queryloop.training.volumes.cases import Annotated
from queryloop.training.volumes.objective import VolumeObjective


class Trained(NamedTuple):
    """Weights by name, and what happened: steps, learning rate, last losses."""

    weights: dict[str, np.ndarray]
    log: dict[str, Any]


def train(
    cases: Sequence[Annotated],
    n_classes: int,
    spacing: Sequence[float],
    model: ModelOptions,
    training: TrainingOptions,
    seed: int,
    previous: Mapping[str, np.ndarray] | None = None,
) -> Trained:
    """Train on patches of `model.patch` around the labelled parts of the cases.

    n_classes: with the background. spacing: of a voxel, (z, y, x), in any unit. seed: all draws come from
    (seed, number of parts, purpose). previous: weights that `reinit` warm and shrink_perturb start from;
    None starts cold. Raises InputError where no voxel is labelled, OptionsError for a model that is none
    for volumes.
    """
    check_volumes(model)
    compute = resolve(training)
    batches = VolumeBatches(cases, model.patch, spacing, training, seed, compute.device)
    objective = VolumeObjective()
    with isolated(compute.threads):
        torch.manual_seed(derived_seed(seed, batches.n_parts, "initial weights"))
        network = unet3d(len(cases[0].image), n_classes, spacing, model)
        if previous is not None:
            REINIT[training.reinit](network, previous)
        torch.manual_seed(derived_seed(seed, batches.n_parts, "dropout"))
        fitted = fit(network, batches, objective, training, compute)
    log = {"gradient_steps": fitted.steps, "learning_rate": fitted.learning_rate, **objective.log()}
    return Trained(weights_of(network), {**log, "precision": compute.precision})
