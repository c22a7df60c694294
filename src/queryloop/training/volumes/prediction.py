"""What networks say of a volume, member by member and some planes at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from torch import Tensor

from queryloop.training.compute import Compute, isolated
from queryloop.training.predict import evaluating
from queryloop.training.volumes.members import View, members, running
from queryloop.training.volumes.tiles import Tiling, stitched


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
