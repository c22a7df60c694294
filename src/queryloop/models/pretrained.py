"""Weights from elsewhere, and the pixels that they expect."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from queryloop.errors import BrokenFileError, MissingFilesError

Scale = tuple[list[float], list[float]]
"""Mean and standard deviation by channel, in units where white is 1."""


@dataclass(frozen=True)
class Pretrained:
    """Where the weights of a trunk come from.

    weights: from the name of the network and a number of channels to the trunk's state. scale: of the
    pixels that they expect, given the number of channels.
    """

    weights: Callable[[str, int], dict[str, Tensor]]
    scale: Callable[[int], Scale]


IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def imagenet_weights(name: str, n_channels: int) -> dict[str, Tensor]:
    """Weights of the trunk of a torchvision network, from its cache or downloaded.

    The first convolution takes `n_channels`: those of red, green and blue, or the mean of them for each
    channel, scaled so that the response to a grey image stays. Raises MissingFilesError where the
    weights are neither there nor to be had, BrokenFileError for a damaged file.
    """
    from torchvision.models import get_model_weights

    weights = get_model_weights(name).DEFAULT
    _refuse_damaged(_cached(weights.url))
    try:
        found = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:  # no network, or a download that is not what it should be
        raise _not_to_be_had(name, weights.url, error) from error
    trunk = {key: value for key, value in found.items() if not key.startswith("fc.")}
    trunk["conv1.weight"] = adapted(trunk["conv1.weight"], n_channels)
    return trunk


def adapted(weight: Tensor, n_channels: int) -> Tensor:
    """The first convolution (F, 3, h, w) for another number of channels: (F, n_channels, h, w)."""
    if n_channels == weight.shape[1]:
        return weight
    mean = weight.mean(dim=1, keepdim=True)
    return mean.repeat(1, n_channels, 1, 1) * (weight.shape[1] / n_channels)


def imagenet_scale(n_channels: int) -> Scale:
    """Mean and standard deviation by channel that the weights expect; their means where not RGB."""
    if n_channels == len(IMAGENET_MEAN):
        return list(IMAGENET_MEAN), list(IMAGENET_STD)
    return [sum(IMAGENET_MEAN) / 3] * n_channels, [sum(IMAGENET_STD) / 3] * n_channels


def _cached(url: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name


def _refuse_damaged(place: Path) -> None:
    """torch checks downloads only. The name of a file ends in the beginning of its hash."""
    promised = place.stem.rpartition("-")[2]
    if place.exists():
        with place.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if not found.startswith(promised):
            raise BrokenFileError(
                f"model.pretrained: {place} is damaged (its SHA-256 begins with {found[:8]}, not with "
                f"{promised}): delete it, and it is downloaded anew."
            )


def _not_to_be_had(name: str, url: str, error: Exception) -> MissingFilesError:
    reason = " ".join(str(error).split())
    return MissingFilesError(
        f"model.pretrained: the ImageNet weights of {name} could not be loaded ({reason}). "
        f"Download {url} on a machine with a network and put it at {_cached(url)}, or set "
        "model.pretrained:false."
    )


IMAGENET = Pretrained(imagenet_weights, imagenet_scale)
