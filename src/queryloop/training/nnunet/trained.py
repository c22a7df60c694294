"""Trained nnU-Nets as data: plans and weights, read from a folder without running what is in it."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import pydoc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from queryloop.errors import BrokenFileError, MissingFilesError, OptionsError
from queryloop.options.nnunet import FINAL
from queryloop.readers.content import refusing
from queryloop.training.nnunet.environment import prepared
from queryloop.voxels import Triple

Name = int | str
"""Of a fold: its number, or `all`."""
Weights = Mapping[str, np.ndarray]

ALL = "all"
"""nnU-Net's name for the fold that trains on every case."""
PLANS, DATASET = "plans.json", "dataset.json"

_MODULES = ("torch.nn.", "dynamic_network_architectures.")
_SCALARS: list[Any] = [
    (np._core.multiarray.scalar, f"numpy.{core}.multiarray.scalar")  # type: ignore[attr-defined]
    for core in ("core", "_core")
]
_SAFE = [*_SCALARS, np.dtype, np.dtypes.Float32DType, np.dtypes.Float64DType, np.dtypes.Int64DType]
"""What nnU-Net's checkpoints hold beside tensors and plain values: numbers of its log."""


@dataclass(frozen=True)
class Trained:
    """Networks of one form.

    plans, dataset: nnU-Net's own descriptions. configuration: such as 3d_fullres. axes: those that it may be
    mirrored along. members: weights by name, each array once, of each network.
    """

    plans: dict[str, Any]
    dataset: dict[str, Any]
    configuration: str
    axes: tuple[int, ...]
    members: Sequence[Weights] = ()

    @cached_property
    def manager(self) -> Any:
        """nnU-Net's view of the plans."""
        from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

        return PlansManager(self.plans)

    @cached_property
    def planned(self) -> Any:
        """nnU-Net's view of the configuration."""
        return self.manager.get_configuration(self.configuration)

    @property
    def classes(self) -> list[str]:
        """Names in the order of their numbers, the background first."""
        labels = {name: label for name, label in self.dataset["labels"].items() if name != "ignore"}
        return sorted(labels, key=lambda name: labels[name])

    @property
    def stride(self) -> Triple:
        """Voxels by which the sides of a tile must be divisible, in the axes of the plans."""
        strides = self.planned.network_arch_init_kwargs["strides"]
        z, y, x = (math.prod(s if isinstance(s, int) else s[axis] for s in strides) for axis in range(3))
        return z, y, x

    def build(self) -> nn.Module:
        """A network without its weights. Raises OptionsError for one whose last layer is none of a voxel."""
        from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

        with torch.random.fork_rng(devices=[]):
            network: nn.Module = get_network_from_plans(
                self.planned.network_arch_class_name,
                self.planned.network_arch_init_kwargs,
                self.planned.network_arch_init_kwargs_req_import,
                len(self.dataset["channel_names"]),
                len(self.classes),
                allow_init=False,
                deep_supervision=False,
            )
        head_of(network)
        return network

    def networks(self) -> Iterator[nn.Module]:
        """One after the other, in eval mode, and all in the same place: use each before the next one."""
        for weights in self.members:
            state = {name: torch.tensor(array) for name, array in weights.items()}
            self._network.load_state_dict(state, strict=False)
            yield self._network

    @cached_property
    def _network(self) -> nn.Module:
        return self.build().eval()


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


def folds_in(folder: Path, checkpoint: str = FINAL, wanted: Sequence[Name] | None = None) -> list[Name]:
    """The folds that are wanted of those that a folder has; None: all numbers, else `all`.

    Raises MissingFilesError for what is no folder of a trained nnU-Net, and for folds that it lacks.
    """
    if not all((folder / name).is_file() for name in (PLANS, DATASET)):
        raise MissingFilesError(
            f"{folder} is no folder of a trained nnU-Net, which holds {PLANS}, {DATASET} and fold_0/: give "
            "the one called TRAINER__PLANS__CONFIGURATION."
        )
    names = {path.parent.name.removeprefix("fold_") for path in folder.glob(f"fold_*/{checkpoint}")}
    there = {name for name in names if name == ALL or name.isdecimal()}
    numbers: list[Name] = [*sorted(int(name) for name in there - {ALL})]
    found = list(wanted) if wanted is not None else numbers or sorted(there)
    missing = [fold for fold in found if str(fold) not in there]
    if missing or not found:
        named = ", ".join(map(str, missing)) or "0, 1, ..."
        raise MissingFilesError(
            f"{folder}: has no {checkpoint} of fold {named}; there are folds "
            f"{', '.join(sorted(there)) or '(none)'}."
        )
    return found


def read(folder: Path, folds: Sequence[Name], checkpoint: str = FINAL) -> Trained:
    """The networks of some folds, as `folds_in` names them.

    Nothing in the files is run: a file with more than tensors, numbers and texts is refused. Raises
    BrokenFileError for such a file, or weights that do not fit the plans, OptionsError for what is no 3D
    U-Net with a softmax.
    """
    plans, dataset = (_described(folder / name) for name in (PLANS, DATASET))
    paths = [folder / f"fold_{fold}" / checkpoint for fold in folds]
    found = [_loaded(path) for path in paths]
    axes = tuple(found[0].get("inference_allowed_mirroring_axes") or ())
    trained = Trained(plans, dataset, found[0]["init_args"]["configuration"], axes)
    states = [content["network_weights"] for content in found]
    with prepared(), refusing(folder / PLANS, "is no plan as nnU-Net writes it"):
        _refuse_others(trained, folder)
        network = trained.build()
        members = [_weights(network, state, path) for state, path in zip(states, paths, strict=True)]
    return replace(trained, members=members)


def hashes(folder: Path, folds: Sequence[Name], checkpoint: str = FINAL) -> dict[str, str]:
    """SHA-256 of each file that `read` reads, by its name in the folder."""
    names = [PLANS, DATASET, *(f"fold_{fold}/{checkpoint}" for fold in folds)]
    return {name: _hash(folder / name, (folder / name).stat().st_mtime_ns) for name in names}


@lru_cache(maxsize=64)
def _hash(path: Path, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _described(path: Path) -> dict[str, Any]:
    with refusing(path, "is no JSON file of nnU-Net's"):
        return dict(json.loads(path.read_text()))


def _loaded(path: Path) -> dict[str, Any]:
    try:
        with torch.serialization.safe_globals(_SAFE):
            found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).partition("\n")[0]
        raise BrokenFileError(f"{path} is damaged, or holds what is no checkpoint: {reason}.") from None
    if not {"network_weights", "init_args"} <= found.keys():
        raise BrokenFileError(f"{path} is no checkpoint of nnU-Net: it has no network_weights or init_args.")
    return found


def _weights(network: nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> Weights:
    """Each array once: nnU-Net's networks name most of theirs twice."""
    names = [name for name, _ in (*network.named_parameters(), *network.named_buffers())]
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise BrokenFileError(f"{path} does not fit its plans: {error}") from None
    return {name: state[name].numpy() for name in names}


def _refuse_foreign(planned: Any, folder: Path) -> None:
    """Plans name what a network is made of, and nnU-Net would call whatever is named."""
    kwargs = planned.network_arch_init_kwargs
    parts = [kwargs[key] for key in planned.network_arch_init_kwargs_req_import]
    for name in filter(None, [planned.network_arch_class_name, *parts]):
        found = pydoc.locate(name) if name.startswith(_MODULES) else None
        if not (isinstance(found, type) and issubclass(found, nn.Module)):
            raise OptionsError(
                f"{folder}: its plans make a network of {name}, which is none of nnU-Net's own."
            )


def _refuse_others(trained: Trained, folder: Path) -> None:
    _refuse_foreign(trained.planned, folder)
    if trained.manager.get_label_manager(trained.dataset).has_regions:
        raise OptionsError(f"{folder}: was trained on regions that overlap, which have no softmax.")
    if len(trained.planned.patch_size) != 3 or trained.planned.previous_stage_name is not None:
        raise OptionsError(
            f"{folder}: is 2D or the second stage of a cascade; take a 3d_fullres or 3d_lowres."
        )
