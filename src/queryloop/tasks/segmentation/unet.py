"""How our own U-Nets look at whole scans."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from queryloop.boxes.box import Box
from queryloop.boxes.sums import Each, Sums
from queryloop.errors import OptionsError
from queryloop.models.unet import UNet
from queryloop.options import ExperimentOptions, TrainingOptions
from queryloop.tasks.segmentation import networks
from queryloop.tasks.segmentation.backend import Backend
from queryloop.tasks.segmentation.networks import restore
from queryloop.tasks.segmentation.observer import Observer
from queryloop.tasks.segmentation.scans import Scans
from queryloop.tasks.task import Looking, Recipe
from queryloop.training.checkpoint import Checkpoint
from queryloop.training.compute import resolve_scoring
from queryloop.training.restore import refuse_others
from queryloop.training.volumes import members
from queryloop.training.volumes.prediction import embed, score
from queryloop.training.volumes.tiles import Tiling
from queryloop.voxels import Triple


@dataclass(frozen=True)
class UNetObserver(Observer):
    """Of `views`, the members.

    patch: voxels around a box that its embedding is made of. tiling: of whole cases. training: gives device,
    threads and precision.
    """

    views: Sequence[members.View]
    patch: Triple
    tiling: Tiling
    training: TrainingOptions

    def sums(self, case: str, each: Each | None = None) -> Sums:
        """The running sums of all members over one case."""
        image = self.scans.image(case)
        found = Sums(len(self.scans.classes), image.shape[1:], each)
        score(image, self.views, self.tiling, resolve_scoring(self.training), found)
        return found

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


class UNets(Backend):
    """U-Nets of MONAI's blocks."""

    def check(self, options: ExperimentOptions, typed: Collection[str]) -> None:  # noqa: ARG002
        """Raise OptionsError for folds of networks that go on: they have seen what they would leave out."""
        if options.training.ensemble == "folds" and options.training.reinit != "cold":
            raise OptionsError(
                "training.ensemble:folds deals the scans anew each cycle, and networks that go on from the "
                f"cycle before (training.reinit:{options.training.reinit}) have learnt from scans that they "
                "would now leave out: give training.reinit:cold, too."
            )

    def train(
        self, scans: Scans, cases: Sequence[str], labels: Mapping[Box, np.ndarray], recipe: Recipe
    ) -> Checkpoint:
        """See `networks.train`."""
        return networks.train(scans, cases, labels, recipe)

    def observer(self, checkpoint: Checkpoint, scans: Scans, looking: Looking, seed: int) -> Observer:
        """Networks, mirrored views of the first one, or dropout masks of it."""
        found, scoring = _restored(checkpoint, scans), looking.scoring
        if scoring.members == "tta":
            views = members.views(found[:1], members.mirrors())
        elif scoring.members == "dropout" and found[0].head.rate:
            views = members.dropout(found[0], scoring.mc_samples, seed)
        else:
            views = members.views(found)
        return _observer(checkpoint, scans, looking, views)

    def predictor(self, checkpoint: Checkpoint, scans: Scans, looking: Looking, kind: str) -> Observer:
        """The `single` first network, or the `ensemble` of all."""
        found = _restored(checkpoint, scans)[: 1 if kind == "single" else None]
        return _observer(checkpoint, scans, looking, members.views(found))


def _restored(checkpoint: Checkpoint, scans: Scans) -> list[UNet]:
    refuse_others(checkpoint, channels=scans.channels, classes=scans.classes)
    return restore(checkpoint)


def _observer(
    checkpoint: Checkpoint, scans: Scans, looking: Looking, views: Sequence[members.View]
) -> UNetObserver:
    patch = tuple(checkpoint.settings["model"]["patch"])
    tiling = Tiling(looking.scoring.tile or patch, looking.scoring.tile_step)
    views = members.mirrored(views) if looking.scoring.mirrors else views
    return UNetObserver(scans, views, patch, tiling, looking.training)


def _middle(box: Box) -> list[int]:
    return [start + length // 2 for start, length in zip(box.corner, box.size, strict=True)]
