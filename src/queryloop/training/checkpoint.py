"""A trained network as data: settings and arrays, no code and no pickle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import nn

HELD_OUT = "held_out_dice"
"""In the log of a training: Dice on the labelled boxes of the fold that was left out."""


@dataclass(frozen=True)
class Checkpoint:
    """What training gives and every later step takes.

    settings: everything needed to rebuild the network and to read its input (model options, image
    shape, classes, input mean and standard deviation), and the training log; JSON values only.
    members: one dict of parameter name to array for each network (more than one for an ensemble).
    """

    settings: dict[str, Any]
    members: dict[str, dict[str, np.ndarray]]


def weights_of(network: nn.Module) -> dict[str, np.ndarray]:
    """All parameters and buffers of a network by name, for a member of a checkpoint."""
    return {name: value.cpu().contiguous().numpy() for name, value in network.state_dict().items()}


def joined(networks: Sequence[Checkpoint]) -> Checkpoint:
    """Several trainings as one ensemble; what is said of it (settings, log) is said of the first.

    What each measured on the fold that it left out is averaged.
    """
    settings = networks[0].settings
    held_out = [d for part in networks if (d := part.settings.get("log", {}).get(HELD_OUT)) is not None]
    if held_out:
        settings = {**settings, "log": {**settings["log"], HELD_OUT: float(np.mean(held_out))}}
    return Checkpoint(settings, {str(i): part.members["0"] for i, part in enumerate(networks)})


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of names and values, as 64 hexadecimal digits."""
    hashed = hashlib.sha256()
    for name in sorted(arrays):
        hashed.update(name.encode())
        hashed.update(np.ascontiguousarray(arrays[name]).data)
    return hashed.hexdigest()
