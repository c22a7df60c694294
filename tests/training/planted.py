"""A pool of which three quarters are unlike anything labelled."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from queryloop.models.auxiliary import attach
from queryloop.models.network import Network
from queryloop.models.registry import build
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.training.batches import Batches
from queryloop.training.compute import isolated
from queryloop.training.fit import fit
from queryloop.training.objective import Objective
from queryloop.training.pixels import measure
from queryloop.training.registry import OBJECTIVES
from tests.training.conftest import CPU

N, N_LABELLED = 400, 80
ROWS, POOL = np.arange(N_LABELLED), np.arange(N_LABELLED, N)
STRANGE = np.arange(160, N)
"""Rows of the pool with a bright right half, which no labelled sample has."""
LABELS = np.arange(N) % 2


def images() -> np.ndarray:
    """(N, 8, 8, 1): class 1 is brighter above than below, class 0 the other way round."""
    found = np.random.default_rng(0).integers(0, 80, (N, 8, 8, 1), dtype=np.uint8)
    found[LABELS == 1, :4] += 60
    found[LABELS == 0, 4:] += 60
    found[STRANGE, :, 4:] += 110
    return found


def problem(pool: np.ndarray = POOL, rows: np.ndarray = ROWS, **options: object) -> tuple[Network, Objective]:
    """A fresh network with what is trained beside it, by default 60 steps."""
    given = {"min_steps": 60, "epochs": 1, "batch_size": 40, "threads": 1, "precision": "32", **options}
    training, data = TrainingOptions.model_validate(given), images()
    batches = Batches(data, rows, LABELS[rows], measure(data, rows), training, 0, "cpu")
    torch.manual_seed(0)
    network = build(ModelOptions(name="mlp", width=16), (8, 8, 1), 2)
    attach(network, (8, 8, 1), training)
    losses = partial(F.cross_entropy, reduction="none")
    return network, OBJECTIVES[training.beside](losses, batches, pool)


def trained(pool: np.ndarray = POOL, rows: np.ndarray = ROWS, **options: object) -> tuple[Network, Objective]:
    """The same after training."""
    with isolated(1):
        network, objective = problem(pool, rows, **options)
        fit(network, objective.batches, objective, objective.batches.options, CPU)
    return network.eval(), objective


def logits(network: Network, rows: np.ndarray, objective: Objective) -> torch.Tensor:
    """What the auxiliary says of rows."""
    with torch.no_grad():
        inputs = objective.batches.augmented(rows, torch.Generator())
        return network.auxiliary(network.see(inputs, {}))
