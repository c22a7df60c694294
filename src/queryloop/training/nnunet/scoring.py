"""What trained nnU-Nets say of a volume, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from queryloop.errors import OptionsError
from queryloop.training.compute import isolated
from queryloop.training.nnunet.environment import prepared
from queryloop.training.nnunet.trained import Trained, head_of
from queryloop.training.predict import softmax
from queryloop.training.volumes.members import Axes, mirrors
from queryloop.training.volumes.prediction import Running
from queryloop.training.volumes.tiles import Run, Tiling, stitched
from queryloop.voxels import Triple


@dataclass(frozen=True)
class Scorer:
    """How trained networks look at volumes.

    step: from tile to tile, as a share of its side. tile: voxels that a network sees at once, which it rounds
    up to its stride; None: as many as in training. mirrored: whether a member is the mean of its mirrored
    views. apart: whether each mirrored view is a member instead.
    """

    trained: Trained
    step: float = 0.5
    tile: Triple | None = None
    mirrored: bool = False
    apart: bool = False
    device: str = "cpu"
    threads: int = 1

    def score(self, image: np.ndarray, spacing: Sequence[float], sums: Running) -> None:
        """Add each member's softmax and |h|^2 to the sums, in the grid of the image.

        image: (C, Z, Y, X) as the networks were trained on: for those of `training.train` as in the store,
        for others in the units and along the axes of their files. spacing: (z, y, x) in millimetres. Memory
        beside the sums: some seven times the maps of one member, however many there are. Raises OptionsError
        where views are to be mirrored, but the networks were trained without.
        """
        members = self._members()
        with prepared(), isolated(self.threads):
            case = _Case(self.trained, image, spacing)
            tiling = Tiling(self._tile, self.step, batch=1)
            for network in self.trained.networks():
                network.to(self.device)
                for flips in members:
                    run = running(network, flips)
                    planes = [found for _, found in stitched(run, case.data, tiling, self.device)]
                    sums.add(*case.native(torch.cat(planes, dim=1)), start=0)

    @property
    def _tile(self) -> Triple:
        """In the axes of the plans."""
        order = self.trained.manager.transpose_forward
        tile = [self.tile[axis] for axis in order] if self.tile else self.trained.planned.patch_size
        z, y, x = (-(-side // s) * s for side, s in zip(tile, self.trained.stride, strict=True))
        return z, y, x

    def _members(self) -> list[list[Axes]]:
        """The flips whose views are averaged, of each member of a network."""
        if not (self.mirrored or self.apart):
            return [[()]]
        if not self.trained.axes:
            raise OptionsError(
                "these networks were trained without mirroring: leave out scoring.mirrors and "
                "scoring.members:tta."
            )
        flips = mirrors(self.trained.axes)
        return [[flip] for flip in flips] if self.apart else [flips]


def running(network: nn.Module, flips: Sequence[Axes]) -> Run:
    """Logits, and behind them |h|^2 as one channel, of tiles: means over their mirrored views.

    h: what goes into the last layer, (B, D, z, y, x).
    """
    seen: list[Tensor] = []

    @torch.inference_mode()
    def run(tiles: Tensor) -> Tensor:
        hook = head_of(network).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        try:
            return sum((_view(flip, tiles) for flip in flips), torch.zeros(())) / len(flips)
        finally:
            hook.remove()

    def _view(flip: Axes, tiles: Tensor) -> Tensor:
        dims = [axis + 2 for axis in flip]
        logits = network(tiles.flip(dims))
        energy = seen.pop().square().sum(dim=1, keepdim=True)
        return torch.cat([logits, energy], dim=1).flip(dims).cpu()

    return run


class _Case:
    """An image as the plans want it, and the way back from there."""

    def __init__(self, trained: Trained, image: np.ndarray, spacing: Sequence[float]) -> None:
        self._plans, self._configuration = trained.manager, trained.planned
        self._known: dict[str, Any] = {"spacing": [float(step) for step in spacing]}
        preprocessor = self._configuration.preprocessor_class(verbose=False)
        prepared = preprocessor.run_case_npy(
            image, None, self._known, self._plans, self._configuration, trained.dataset
        )
        self.data: np.ndarray = np.asarray(prepared[0], np.float32)

    def native(self, found: Tensor) -> tuple[Tensor, Tensor]:
        """Softmax (K, Z, Y, X) and |h|^2 (Z, Y, X) of logits and |h|^2; background where nobody looked."""
        spacing = [self._known["spacing"][axis] for axis in self._plans.transpose_forward]
        inside = self._known["shape_after_cropping_and_before_resampling"]
        scaled = self._configuration.resampling_fn_probabilities(
            found, inside, self._configuration.spacing, spacing
        )
        scaled = torch.as_tensor(scaled)
        maps = torch.zeros(len(scaled), *self._known["shape_before_cropping"])
        maps[0] = 1
        z, y, x = (slice(*ends) for ends in self._known["bbox_used_for_cropping"])
        maps[:-1, z, y, x] = softmax(scaled[:-1], dim=0)
        maps[-1, z, y, x] = scaled[-1].clamp(min=0)
        maps = maps.permute(0, *(axis + 1 for axis in self._plans.transpose_backward))
        return maps[:-1], maps[-1]
