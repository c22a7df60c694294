"""Training networks on boxes of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from queryloop.boxes.box import Box
from queryloop.models.unet import UNet, unet3d
from queryloop.options import ModelOptions
from queryloop.tasks.segmentation.held_out import held_out_dice
from queryloop.tasks.segmentation.labels import annotated, parted
from queryloop.tasks.segmentation.scans import Scans
from queryloop.tasks.task import Recipe
from queryloop.training.checkpoint import HELD_OUT, Checkpoint
from queryloop.training.compute import resolve_scoring
from queryloop.training.restore import members, refuse_others


def train(scans: Scans, cases: Sequence[str], labels: Mapping[Box, np.ndarray], recipe: Recipe) -> Checkpoint:
    """Train one network on the labels of some boxes, and on those of the cases that cost nothing.

    labels: of each box in these cases, uint8 of its size, IGNORE where nobody labelled. All draws come from
    (seed, number of labelled parts, purpose); the log tells the Dice of the fold that is left out. Raises as
    `training.volumes.training.train`, `Fold.of` and `refuse_others` do.
    """
    from queryloop.training.volumes import training as fitting  # Lightning: takes seconds

    model, training, previous = recipe.model, recipe.training, recipe.previous
    spacing = np.median([case.spacing for case in scans.cases.values()], axis=0).tolist()
    if previous is not None:
        refuse_others(previous, channels=scans.channels, classes=scans.classes)
    before = None if previous is None else previous.members["0"]
    kept, apart = parted(annotated(scans, cases, labels), recipe.fold)
    parts = list(kept.values())
    trained = fitting.train(parts, len(scans.classes), spacing, model, training, recipe.seed, before)
    settings = {"model": model.model_dump(mode="json"), "spacing": spacing}
    settings |= {"channels": list(scans.channels), "classes": list(scans.classes), "log": trained.log}
    checkpoint = Checkpoint(settings, {"0": trained.weights})
    if not apart:
        return checkpoint
    (network,), compute = restore(checkpoint), resolve_scoring(training)
    found = held_out_dice(network, apart.values(), len(scans.classes), model.patch, compute)
    return Checkpoint(settings | {"log": {**trained.log, HELD_OUT: found}}, checkpoint.members)


def restore(checkpoint: Checkpoint) -> list[UNet]:
    """The networks of a checkpoint in eval mode, on the CPU."""
    settings = checkpoint.settings
    model = ModelOptions.model_validate(settings["model"])
    sizes = len(settings["channels"]), len(settings["classes"])
    return members(checkpoint, lambda: unet3d(*sizes, settings["spacing"], model))
