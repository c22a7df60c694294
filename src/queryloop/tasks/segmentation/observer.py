"""How the networks of a checkpoint look at whole scans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from queryloop.boxes.box import Box
from queryloop.boxes.sums import Each, Sums
from queryloop.boxes.voxels import VoxelScorer
from queryloop.options import TrainingOptions
from queryloop.tasks.segmentation import metrics
from queryloop.tasks.segmentation.networks import restore
from queryloop.tasks.segmentation.scans import Scans
from queryloop.tasks.task import Looking
from queryloop.training.checkpoint import Checkpoint
from queryloop.training.compute import resolve_scoring
from queryloop.training.volumes import members
from queryloop.training.volumes.prediction import embed, score
from queryloop.training.volumes.tiles import Tiling
from queryloop.voxels import Triple


@dataclass(frozen=True)
class Observer:
    """How the networks look at whole cases.

    views: the members. patch: voxels around a box that its embedding is made of. tiling: of whole cases.
    training: gives device, threads and precision.
    """

    scans: Scans
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


def observer(checkpoint: Checkpoint, scans: Scans, looking: Looking, seed: int) -> Observer:
    """The members that are compared or averaged in scoring. seed: of dropout masks."""
    networks, scoring = restore(checkpoint), looking.scoring
    if scoring.members == "tta":
        views = members.views(networks[:1], members.mirrors())
    elif scoring.members == "dropout" and networks[0].head.rate:
        views = members.dropout(networks[0], scoring.mc_samples, seed)
    else:
        views = members.views(networks)
    return _observer(checkpoint, scans, looking, views)


def predictor(checkpoint: Checkpoint, scans: Scans, looking: Looking, kind: str) -> Observer:
    """The `single` first network, or the `ensemble` of all."""
    networks = restore(checkpoint)[: 1 if kind == "single" else None]
    return _observer(checkpoint, scans, looking, members.views(networks))


def _observer(
    checkpoint: Checkpoint, scans: Scans, looking: Looking, views: Sequence[members.View]
) -> Observer:
    patch = tuple(checkpoint.settings["model"]["patch"])
    tiling = Tiling(looking.scoring.tile or patch, looking.scoring.tile_step)
    return Observer(scans, views, patch, tiling, looking.training)


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
