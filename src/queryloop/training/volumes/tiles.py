"""Running over a volume tile by tile, and putting what is found together again, some planes at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import torch
from torch import Tensor

from queryloop.training.volumes.cases import patch, window
from queryloop.voxels import Triple

Run = Callable[[Tensor], Tensor]
"""From tiles (B, C, z, y, x) to what is found in them, (B, Q, z, y, x)."""

_SIGMA = 1 / 8  # of the side of a tile, as nnU-Net
_LEAST = 1e-3  # a weight of 0 would leave the corners of a volume without any


@dataclass(frozen=True)
class Tiling:
    """How a volume is run over.

    tile: voxels (z, y, x); an axis of the volume that is shorter lies in its middle, amid 0. step: from tile
    to tile, as a share of its side, in (0, 1]. batch: tiles at once.
    """

    tile: Triple
    step: float = 0.5
    batch: int = 4


def starts(length: int, tile: int, step: float) -> list[int]:
    """First voxels of the tiles along an axis, none twice, evenly spread, the last one ending with it."""
    spare = max(0, length - tile)
    count = math.ceil(spare / max(1, tile * step)) + 1
    return np.linspace(0, spare, count).round().astype(int).tolist()


def weights(tile: Triple) -> Tensor:
    """How much each voxel of a tile counts: Gaussian about its middle. Source: Isensee et al. 2021."""
    z, y, x = (torch.exp(-(((torch.arange(n) - (n - 1) / 2) / (_SIGMA * n)) ** 2) / 2) for n in tile)
    return (z.view(-1, 1, 1) * y.view(-1, 1) * x).clamp(min=_LEAST)


def stitched(run: Run, image: np.ndarray, tiling: Tiling, device: str) -> Iterator[tuple[int, Tensor]]:
    """Weighted means of what is found in a volume: (first plane, (Q, planes, Y, X)), from front to back.

    image: (C, Z, Y, X), may be a memory map: no more than the tiles in work is read. Planes come out when
    no later tile reaches them, so no more than one tile's planes are held. On the CPU.
    """
    shape = image.shape[1:]
    lead = window((0, 0, 0), tiling.tile, shape)
    inside = tuple(slice(-before, n - before) for before, n in zip(lead, shape, strict=True))
    depths, *corners = (starts(n, t, tiling.step) for n, t in zip(shape, tiling.tile, strict=True))
    flat = list(product(*corners))
    weight, held = weights(tiling.tile), _Held(shape, tiling.tile)
    for first, following in pairwise([*depths, max(shape[0], tiling.tile[0])]):
        for some in _batches(flat, tiling.batch):
            places = [np.add(lead, (first, *corner)).tolist() for corner in some]
            tiles = np.stack([patch(image, place, tiling.tile) for place in places])
            found = run(torch.from_numpy(tiles).to(device)).cpu()
            for corner, values in zip(some, found, strict=True):
                held.add(values, weight, corner)
        yield first, held.taken(following - first)[:, *inside]


class _Held:
    """Weighted sums over the planes of one tile and all of their height and width; the weights come last."""

    def __init__(self, shape: Sequence[int], tile: Triple) -> None:
        self._shape = (tile[0], *(max(n, t) for n, t in zip(shape[1:], tile[1:], strict=True)))
        self._sums = torch.empty(0)

    def add(self, values: Tensor, weight: Tensor, corner: tuple[int, ...]) -> None:
        """values: (Q, z, y, x) of a tile with its first row and column here."""
        if not len(self._sums):
            self._sums = torch.zeros(len(values) + 1, *self._shape)
        y, x = (slice(c, c + n) for c, n in zip(corner, weight.shape[1:], strict=True))
        self._sums[:-1, :, y, x].addcmul_(values, weight)
        self._sums[-1, :, y, x] += weight

    def taken(self, planes: int) -> Tensor:
        """Means of the first planes, which are then forgotten, and the others move up."""
        done, rest = self._sums[:, :planes], self._sums[:, planes:]
        self._sums = torch.cat([rest, torch.zeros_like(done)], dim=1)
        return done[:-1] / done[-1]


def _batches(items: list[tuple[int, ...]], size: int) -> Iterator[list[tuple[int, ...]]]:
    return (items[start : start + size] for start in range(0, len(items), size))
