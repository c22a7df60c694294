"""The kinds of networks for scans by name."""

from __future__ import annotations

from collections.abc import Mapping

from queryloop.tasks.segmentation.backend import Backend
from queryloop.tasks.segmentation.nnunet import NnUNets
from queryloop.tasks.segmentation.unet import UNets
from queryloop.training.checkpoint import Checkpoint

BACKENDS: Mapping[str, Backend] = {"unet3d": UNets(), "nnunet": NnUNets()}


def backend_of(checkpoint: Checkpoint) -> Backend:
    """The kind of its networks."""
    return BACKENDS[checkpoint.settings["model"]["name"]]
