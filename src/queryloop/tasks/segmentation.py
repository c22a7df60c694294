"""Segmentation of 3D scans: a class for each voxel, boxes as samples, labels only inside of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from queryloop.boxes.box import Box
from queryloop.boxes.sums import Each, Sums
from queryloop.boxes.voxels import VoxelScorer
from queryloop.models.unet import UNet, unet3d
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.tasks import segmentation_metrics as metrics
from queryloop.training.checkpoint import Checkpoint
from queryloop.training.compute import resolve_scoring
from queryloop.training.restore import members
from queryloop.training.volumes import training as fitting
from queryloop.training.volumes.cases import Annotated, Part
from queryloop.training.volumes.members import View
from queryloop.training.volumes.prediction import embed, score
from queryloop.training.volumes.tiles import Tiling
from queryloop.voxels import Triple


class Scans(Protocol):
    """The cases of a data set in the grid of the store, as `storage.volumes.Volumes` has them."""

    cases: Mapping[str, Any]
    classes: tuple[str, ...]
    channels: tuple[str, ...]

    def image(self, case_id: str) -> np.ndarray:
        """(C, Z, Y, X) float32, normalised."""

    def free_labels(self, case_id: str) -> np.ndarray | None:
        """Labels that cost nothing, (Z, Y, X) uint8, IGNORE elsewhere, where the case has some."""

    def native_labels(self, case_id: str) -> np.ndarray:
        """The labels as the file has them."""

    def to_native(self, labels: np.ndarray, case_id: str) -> np.ndarray:
        """Labels of the store's grid in that of the file."""


def train(
    scans: Scans,
    labels: Mapping[Box, np.ndarray],
    patch: Triple,
    model: ModelOptions,
    training: TrainingOptions,
    seed: int,
    previous: Checkpoint | None = None,
) -> Checkpoint:
    """Train one network on the labels of some boxes, and on those that cost nothing in all cases.

    labels: of each box, uint8 of its size, IGNORE where nobody labelled. patch: voxels (z, y, x). seed:
    all draws come from (seed, number of labelled parts, purpose). previous: where `reinit` warm and
    shrink_perturb start. Raises as `training.volumes.training.train` does.
    """
    spacing = np.median([case.spacing for case in scans.cases.values()], axis=0).tolist()
    before = None if previous is None else previous.members["0"]
    cases = list(_annotated(scans, labels))
    trained = fitting.train(cases, len(scans.classes), patch, spacing, model, training, seed, before)
    settings = {"model": model.model_dump(), "patch": list(patch), "spacing": spacing}
    settings |= {"channels": list(scans.channels), "classes": list(scans.classes), "log": trained.log}
    return Checkpoint(settings, {"0": trained.weights})


def _annotated(scans: Scans, labels: Mapping[Box, np.ndarray]) -> Iterator[Annotated]:
    """The cases in which something is labelled, in their order."""
    parts: dict[str, list[Part]] = {case: [] for case in scans.cases}
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
    patch, spacing = tuple(settings["patch"]), settings["spacing"]
    return members(checkpoint, lambda: unet3d(*sizes, patch, spacing, model))


@dataclass(frozen=True)
class Observer:
    """How the networks look at whole cases.

    views: the members. step: from tile to tile, as a share of its side. training: gives device, threads
    and precision.
    """

    scans: Scans
    views: Sequence[View]
    patch: Triple
    step: float
    training: TrainingOptions

    def sums(self, case: str, each: Each | None = None) -> Sums:
        """The running sums of all members over one case."""
        image = self.scans.image(case)
        found = Sums(len(self.scans.classes), image.shape[1:], each)
        score(image, self.views, Tiling(self.patch, self.step), resolve_scoring(self.training), found)
        return found

    def slabs(self, case: str, scorer: VoxelScorer) -> Iterable[Sums]:
        """What a scorer of voxels reads, as `boxes.Pool.sums` gives it: the case as one slab."""
        return [self.sums(case, scorer.each)]

    def labels(self, case: str) -> np.ndarray:
        """The likeliest class of each voxel, (Z, Y, X) uint8."""
        return self.sums(case).classes.numpy()

    def embeddings(self, boxes: Sequence[Box]) -> Tensor:
        """What the encoders make of the patches around some boxes, (N, E)."""
        networks = list(dict.fromkeys(view.network for view in self.views))
        found = torch.empty(0)
        for case in dict.fromkeys(box.case for box in boxes):
            rows = [row for row, box in enumerate(boxes) if box.case == case]
            middles = np.array([_middle(boxes[row]) for row in rows])
            compute = resolve_scoring(self.training)
            seen = torch.from_numpy(embed(self.scans.image(case), middles, self.patch, networks, compute))
            found = found if len(found) else torch.empty(len(boxes), seen.shape[1])
            found[rows] = seen
        return found


def _middle(box: Box) -> list[int]:
    return [start + length // 2 for start, length in zip(box.corner, box.size, strict=True)]


def measured(observer: Observer, cases: Sequence[str]) -> dict[str, float]:
    """Dice and surface distance, mean and by class, in the grids of the files."""
    scans = observer.scans
    found = [_compared(scans, case, observer.labels(case)) for case in cases]
    return metrics.summary(found, scans.classes)


def _compared(scans: Scans, case: str, predicted: np.ndarray) -> metrics.Case:
    truth = scans.native_labels(case)
    affine = scans.cases[case].native.affine
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0)).tolist()
    return metrics.measured(scans.to_native(predicted, case), truth, len(scans.classes), spacing)
