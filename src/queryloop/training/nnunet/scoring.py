"""What trained nnU-Nets say of a volume: from an existing folder, one fold after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from queryloop.errors import MissingFilesError, OptionsError
from queryloop.training.compute import isolated
from queryloop.training.nnunet.environment import prepared
from queryloop.training.nnunet.training import ALL
from queryloop.training.predict import softmax
from queryloop.training.volumes.prediction import Running
from queryloop.training.volumes.tiles import Run, Tiling, stitched
from queryloop.voxels import Triple

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Scorer:
    """The networks of a folder that nnU-Net trained, its name being TRAINER__PLANS__CONFIGURATION.

    folds: those that are members; None: all numbers that are there, else `all`. checkpoint: file in the
    folder of each fold. step: from tile to tile, as a share of its side. mirrors: whether a member is
    the mean of its mirrored views. The files are pickles: load none from people whom you do not trust.
    """

    folder: Path
    folds: Sequence[int | str] | None = None
    checkpoint: str = "checkpoint_final.pth"
    step: float = 0.5
    mirrors: bool = False
    device: str = "cpu"
    threads: int = 1

    def score(self, image: np.ndarray, spacing: Sequence[float], sums: Running) -> None:
        """Add each fold's softmax and |h|^2 to the sums, in the grid of the image.

        image: (C, Z, Y, X) as the network was trained on: for one of `training.train` those of the store, for
        others in the units of their files. spacing: (z, y, x) in millimetres. Memory beside the sums: the
        maps of one member, however many there are. Raises MissingFilesError for a fold that is not there,
        OptionsError for what is no 3D U-Net with a softmax.
        """
        with prepared(), isolated(self.threads):
            loaded = self.loaded
            case = _Case(loaded, image, spacing)
            tiling = Tiling(tuple(loaded.configuration_manager.patch_size), self.step, batch=1)
            network = loaded.network.to(self.device).eval()
            for weights in loaded.list_of_parameters:
                network.load_state_dict(weights)
                run = running(network, self._flips)
                padded, inside = _padded(case.data, tiling.tile)
                planes = [found for _, found in stitched(run, padded, tiling, self.device)]
                sums.add(*case.native(torch.cat(planes, dim=1)[inside]), start=0)

    @property
    def _flips(self) -> list[Axes]:
        axes = self.loaded.allowed_mirroring_axes if self.mirrors else None
        return list(chain.from_iterable(combinations(axes or (), n) for n in range(len(axes or ()) + 1)))

    @cached_property
    def loaded(self) -> Any:
        """nnU-Net's own predictor: networks, and what it knows of their data. To be asked in `prepared`."""
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

        loaded = nnUNetPredictor(device=torch.device(self.device), allow_tqdm=False)
        loaded.initialize_from_trained_model_folder(str(self.folder), self._found(), self.checkpoint)
        _refuse_others(loaded, self.folder)
        return loaded

    def _found(self) -> list[int | str]:
        """The folds that are wanted, of those that are there."""
        there = {
            path.parent.name.removeprefix("fold_") for path in self.folder.glob(f"fold_*/{self.checkpoint}")
        }
        numbers: list[int | str] = [*sorted(int(name) for name in there - {ALL})]
        wanted = list(self.folds) if self.folds is not None else numbers or sorted(there)
        missing = [fold for fold in wanted if str(fold) not in there]
        if missing or not wanted:
            named = ", ".join(map(str, missing)) or "0, 1, ..."
            raise MissingFilesError(
                f"{self.folder}: has no {self.checkpoint} of fold {named}; there are folds "
                f"{', '.join(sorted(there)) or '(none)'}."
            )
        return wanted


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


def head_of(network: nn.Module) -> nn.Module:
    """The last layer, a convolution of one voxel at full resolution. Raises OptionsError for another end."""
    heads = getattr(getattr(network, "decoder", None), "seg_layers", None)
    if not heads or set(heads[-1].kernel_size) != {1}:
        raise OptionsError(
            f"{type(network).__name__} has no last layer that looks at one voxel: only nnU-Net's own U-Nets "
            "can be asked for scores."
        )
    last: nn.Module = heads[-1]
    return last


def _padded(image: np.ndarray, tile: Triple) -> tuple[np.ndarray, tuple[slice, ...]]:
    """The image (C, Z, Y, X) amid zeros where it is smaller than a tile, as in training; where it lies."""
    missing = [max(0, side - length) for side, length in zip(tile, image.shape[1:], strict=True)]
    padded = np.pad(image, [(0, 0), *((n // 2, n - n // 2) for n in missing)])
    starts = zip(missing, image.shape[1:], strict=True)
    return padded, (slice(None), *(slice(n // 2, n // 2 + length) for n, length in starts))


class _Case:
    """An image as the plans want it, and the way back from there."""

    def __init__(self, loaded: Any, image: np.ndarray, spacing: Sequence[float]) -> None:
        self._plans, self._configuration = loaded.plans_manager, loaded.configuration_manager
        self._known: dict[str, Any] = {"spacing": [float(step) for step in spacing]}
        preprocessor = self._configuration.preprocessor_class(verbose=False)
        prepared = preprocessor.run_case_npy(
            image, None, self._known, self._plans, self._configuration, loaded.dataset_json
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


def _refuse_others(loaded: Any, folder: Path) -> None:
    configuration = loaded.configuration_manager
    if loaded.label_manager.has_regions:
        raise OptionsError(f"{folder}: was trained on regions that overlap, which have no softmax.")
    if len(configuration.patch_size) != 3 or configuration.previous_stage_name is not None:
        raise OptionsError(
            f"{folder}: is 2D or the second stage of a cascade; take a 3d_fullres or 3d_lowres."
        )
    head_of(loaded.network)
