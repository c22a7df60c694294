"""What a query of boxes is chosen from: scans, the boxes in them, and the networks when they are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from queryloop.boxes.box import Box
from queryloop.boxes.kinds import BoxStrategy
from queryloop.boxes.pool import Pool
from queryloop.options import QueryOptions
from queryloop.tasks.segmentation.backends import backend_of
from queryloop.tasks.segmentation.rows import by_case
from queryloop.tasks.segmentation.scans import Scans
from queryloop.tasks.task import Looking
from queryloop.training.checkpoint import Checkpoint
from queryloop.voxels import IGNORE


def pool_of(
    scans: Scans, cases: Sequence[str], taken: Sequence[Box], query: QueryOptions, **looks: Any
) -> Pool:
    """The boxes of these cases that touch none of `taken`. looks: what else a `boxes.Pool` may have."""

    def known(case: str) -> np.ndarray | None:
        free = scans.free_labels(case)
        return None if free is None else free != IGNORE

    return Pool(
        shapes={case: scans.cases[case].shape for case in cases},
        size=query.box,
        stride=query.stride,
        per_case=query.per_case,
        taken=by_case(taken),
        known=known,
        **looks,
    )


def seen_by(
    strategy: BoxStrategy, checkpoint: Checkpoint, scans: Scans, looking: Looking, seed: int
) -> dict[str, Callable[..., Any]]:
    """What the strategy may ask of a pool. seed: of dropout masks."""
    look = backend_of(checkpoint).observer(checkpoint, scans, looking, seed)
    found: dict[str, Callable[..., Any]] = {"sums": look.slabs, "embeddings": look.embeddings}
    for need, labels in (("truth", scans.labels), ("prediction", look.labels)):
        if need in strategy.needs:
            found["labels"] = labels
    return found
