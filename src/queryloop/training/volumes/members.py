"""The members of an ensemble on a volume: networks, mirrored views of it, dropout masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain, combinations

import torch
from torch import Tensor

from queryloop.models.unet import UNet
from queryloop.training.compute import Compute
from queryloop.training.predict import softmax
from queryloop.training.volumes.tiles import Run

Axes = tuple[int, ...]


@dataclass(frozen=True)
class View:
    """One run of a network over a volume: one member, or one for each mask.

    flips: each the axes of (z, y, x) = (0, 1, 2) along which the network sees it mirrored; what is said of
    several is averaged. masks: (T, D) dropout masks of the head.
    """

    network: UNet
    flips: Sequence[Axes] = ((),)
    masks: Tensor | None = None


def views(networks: Sequence[UNet], flips: Sequence[Axes] = ((),)) -> list[View]:
    """Every network with every flip."""
    return [View(network, [flip]) for network in networks for flip in flips]


def dropout(network: UNet, n: int, seed: int) -> list[View]:
    """n dropout masks of one network, mask t drawn from (seed, t) alone: the same for every case."""
    return [View(network, masks=network.head.masks(n, seed))]


def mirrored(views: Sequence[View]) -> list[View]:
    """The same members, each looking at the volume mirrored in all ways too."""
    return [replace(view, flips=mirrors()) for view in views]


def mirrors(axes: Axes = (0, 1, 2)) -> list[Axes]:
    """All flips along some of these axes, none first: 8 of three axes."""
    return list(chain.from_iterable(combinations(axes, n) for n in range(len(axes) + 1)))


def running(view: View, compute: Compute) -> Run:
    """What is stitched of a view: logits, or with masks the features; and behind them |h|^2, as one channel.

    All in fp32, mirrored back, and the mean over the flips.
    """

    @torch.inference_mode()
    def run(tiles: Tensor) -> Tensor:
        return reduce(torch.add, (_seen(flip, tiles) for flip in view.flips)) / len(view.flips)

    def _seen(flip: Axes, tiles: Tensor) -> Tensor:
        dims = [axis + 2 for axis in flip]
        with compute.autocast():
            features = view.network.features(tiles.flip(dims)).float()
            shown = view.network.head(features) if view.masks is None else features
        energy = features.square().sum(dim=1, keepdim=True)
        return torch.cat([shown, energy], dim=1).flip(dims)

    return run


@torch.inference_mode()
def members(view: View, stitched: Tensor) -> Iterator[Tensor]:
    """Softmax (K, z, Y, X) of each member, from the stitched channels (Q, z, Y, X) of some planes.

    The head is linear, and so is stitching: one run over the tiles serves all masks, and no more than one
    member's probabilities are there at a time.
    """
    head, shown = view.network.head, stitched[None, :-1]
    if view.masks is None:
        yield softmax(shown, dim=1)[0]
    else:
        shown = shown.to(head.linear.weight.device)
        yield from (softmax(head.under(mask, shown), dim=1)[0].cpu() for mask in view.masks)
