"""Which resolutions a U-Net works at: strides and kernels from the size of a patch and of a voxel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from queryloop.voxels import Triple

_SHORTEST = 4
"""Voxels of an axis below which it is not halved any more."""
_FINER = 2
"""An axis waits while its voxels are at least so many times as long as the shortest ones."""


class Resolutions(NamedTuple):
    """One stride and one kernel for each resolution, finest first; the first stride is 1."""

    strides: tuple[Triple, ...]
    kernels: tuple[Triple, ...]

    @property
    def down_to(self) -> list[Triple]:
        """From the finest resolution to each."""
        return list(accumulate(self.strides, lambda a, b: (a[0] * b[0], a[1] * b[1], a[2] * b[2])))

    @property
    def stride(self) -> Triple:
        """From the finest to the coarsest."""
        return self.down_to[-1]


def resolutions(patch: Triple, spacing: Sequence[float], depth: int | None = None) -> Resolutions:
    """Halve the finest axes until none can be halved, or until there are `depth` resolutions.

    patch: voxels (z, y, x). spacing: of a voxel, (z, y, x), in any unit. An axis keeps at least 4 voxels,
    and a thick one (a slice twice as thick as a pixel is wide) is neither halved nor convolved over until
    the others are as coarse. There are at least two resolutions wherever a patch has 8 voxels in some
    axis; else one, which is no U-Net. Source: Isensee et al. 2021, there in the supplement.
    """
    size, coarse = list(patch), [float(s) for s in spacing]
    strides, kernels = [(1, 1, 1)], [_kernel(coarse, (1, 1, 1))]
    while depth is None or len(strides) < depth:
        stride = _stride(size, coarse)
        if stride == (1, 1, 1):
            break
        size = [math.ceil(n / s) for n, s in zip(size, stride, strict=True)]
        coarse = [length * s for length, s in zip(coarse, stride, strict=True)]
        strides.append(stride)
        kernels.append(_kernel(coarse, kernels[-1]))
    return Resolutions(tuple(strides), tuple(kernels))


def _stride(size: Sequence[int], spacing: Sequence[float]) -> Triple:
    long = [n >= 2 * _SHORTEST for n in size]
    finest = min((s for s, enough in zip(spacing, long, strict=True) if enough), default=0.0)
    z, y, x = (2 if ok and s < _FINER * finest else 1 for s, ok in zip(spacing, long, strict=True))
    return z, y, x


def _kernel(spacing: Sequence[float], before: Triple) -> Triple:
    """3 along an axis that is fine enough; once convolved over, it is so at every coarser resolution."""
    z, y, x = (3 if k == 3 or s < _FINER * min(spacing) else 1 for s, k in zip(spacing, before, strict=True))
    return z, y, x
