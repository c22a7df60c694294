"""Where a case lies."""

from __future__ import annotations

from typing import NamedTuple

from queryloop.voxels import Triple


class Placed(NamedTuple):
    shape: Triple
    spacing: tuple[float, float, float]
