"""Training networks on boxes of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from queryloop.boxes.box import Box
from queryloop.models.unet import UNet, unet3d
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.tasks.segmentation.scans import Scans
from queryloop.training.checkpoint import Checkpoint
from queryloop.training.restore import members
from queryloop.training.volumes import training as fitting
from queryloop.training.volumes.cases import Annotated, Part


def train(
    scans: Scans,
    cases: Sequence[str],
    labels: Mapping[Box, np.ndarray],
    model: ModelOptions,
    training: TrainingOptions,
    seed: int,
    previous: Checkpoint | None = None,
) -> Checkpoint:
    """Train one network on the labels of some boxes, and on those of the cases that cost nothing.

    labels: of each box in these cases, uint8 of its size, IGNORE where nobody labelled. seed: all draws
    come from (seed, number of labelled parts, purpose). previous: where `reinit` warm and shrink_perturb
    start. Raises as `training.volumes.training.train` does.
    """
    spacing = np.median([case.spacing for case in scans.cases.values()], axis=0).tolist()
    before = None if previous is None else previous.members["0"]
    parts = list(_annotated(scans, cases, labels))
    trained = fitting.train(parts, len(scans.classes), spacing, model, training, seed, before)
    settings = {"model": model.model_dump(mode="json"), "spacing": spacing}
    settings |= {"channels": list(scans.channels), "classes": list(scans.classes), "log": trained.log}
    return Checkpoint(settings, {"0": trained.weights})


def _annotated(scans: Scans, cases: Sequence[str], labels: Mapping[Box, np.ndarray]) -> Iterator[Annotated]:
    """The cases in which something is labelled, in their order."""
    parts: dict[str, list[Part]] = {case: [] for case in cases}
    for case, found in parts.items():
        free = scans.free_labels(case)
        if free is not None:
            found.append(Part((0, 0, 0), free))
    for box, known in labels.items():
        parts[box.case].append(Part(box.corner, known))
    return (Annotated(scans.image(case), found) for case, found in parts.items() if found)


def restore(checkpoint: Checkpoint) -> list[UNet]:
    """The networks of a checkpoint in eval mode, on the CPU."""
    settings = checkpoint.settings
    model = ModelOptions.model_validate(settings["model"])
    sizes = len(settings["channels"]), len(settings["classes"])
    return members(checkpoint, lambda: unet3d(*sizes, settings["spacing"], model))
