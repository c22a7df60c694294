"""What networks say of a volume, member by member and some planes at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from queryloop.models.unet import UNet
from queryloop.training.compute import Compute, isolated
from queryloop.training.predict import evaluating
from queryloop.training.volumes.cases import patch, window
from queryloop.training.volumes.members import View, members, running
from queryloop.training.volumes.tiles import Tiling, stitched
from queryloop.voxels import Triple

_BATCH = 8  # patches at once


class Running(Protocol):
    """What takes the members up, and should not keep them."""

    def add(self, probs: Tensor, energy: Tensor, *, start: int) -> None:
        """Softmax (K, z, Y, X) of one member and |h|^2 (z, Y, X), of the planes from `start` on."""


def score(image: np.ndarray, views: Sequence[View], tiling: Tiling, compute: Compute, sums: Running) -> None:
    """Add all members to the sums: one after another, each from the first plane to the last.

    image: (C, Z, Y, X) float32, normalised; may be a memory map, of which only tiles are read. Logits
    are stitched, and softmax is taken after that; |h|^2, the squared length of what goes into the last
    layer (without a mask), is stitched by itself, as lengths of stitched features would be too short.
    Memory beside the sums: one member's planes of one tile, whatever the number of members or planes.
    """
    with isolated(compute.threads), evaluating([view.network for view in views], compute.device):
        for view in views:
            for start, planes in stitched(running(view, compute), image, tiling, compute.device):
                for probs in members(view, planes):
                    sums.add(probs, planes[-1], start=start)


def embed(
    image: np.ndarray, middles: np.ndarray, size: Triple, networks: Sequence[UNet], compute: Compute
) -> np.ndarray:
    """The encoders' coarsest features, averaged over the patches of this size with these middles.

    image: as in `score`. middles: (N, 3) voxels (z, y, x). size: that of the training, in which patches lie
    inside of an image that is large enough; so they do here, and a network sees what it knows. Returns (N, E)
    float32, the networks side by side.
    """
    with isolated(compute.threads), evaluating(networks, compute.device):
        found = [_embedded(tiles, networks, compute) for tiles in _around(image, middles, size)]
    return np.concatenate(found)


def _around(image: np.ndarray, middles: np.ndarray, size: Triple) -> Iterator[np.ndarray]:
    wanted = (middles - np.array(size) // 2).tolist()
    corners = [window(corner, size, image.shape[1:]) for corner in wanted]
    for start in range(0, len(corners), _BATCH):
        yield np.stack([patch(image, corner, size) for corner in corners[start : start + _BATCH]])


@torch.inference_mode()
def _embedded(tiles: np.ndarray, networks: Sequence[UNet], compute: Compute) -> np.ndarray:
    inputs = torch.from_numpy(tiles).to(compute.device)
    with compute.autocast():
        return torch.cat([network.embed(inputs) for network in networks], dim=1).cpu().numpy()
