"""Boxes that may become a query: those that lead in their case, and over all cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from queryloop.boxes.box import Box
from queryloop.strategies.picks import top_k

PLAIN = -1
"""The channel of a box that was found by the score of all classes together."""


class Candidates(NamedTuple):
    """Boxes without overlap, the score of each, and the class by which it was found. All of length n."""

    boxes: tuple[Box, ...]
    scores: np.ndarray
    channels: np.ndarray

    @property
    def ids(self) -> np.ndarray:
        """Their ids, (n,) objects."""
        return np.array([box.id for box in self.boxes], dtype=object)

    def rows(self, positions: np.ndarray) -> Candidates:
        """Some of them, in this order."""
        boxes = tuple(self.boxes[at] for at in positions.tolist())
        return Candidates(boxes, self.scores[positions], self.channels[positions])

    def best(self, k: int, seed: int) -> Candidates:
        """The k highest scores, highest first, equal ones in an order drawn from (seed, id)."""
        picks = top_k(torch.from_numpy(self.scores), self.ids, k=min(k, len(self.boxes)), seed=seed)
        return self.rows(picks.positions.numpy())


def candidates(boxes: Sequence[Box], scores: Sequence[float], channel: int = PLAIN) -> Candidates:
    """Boxes of one channel with their scores."""
    return Candidates(tuple(boxes), np.asarray(scores, dtype=np.float64), np.full(len(boxes), channel))


def together(parts: Sequence[Candidates]) -> Candidates:
    """One after the other."""
    if not parts:
        return candidates((), ())
    boxes = tuple(box for part in parts for box in part.boxes)
    return Candidates(
        boxes, np.concatenate([p.scores for p in parts]), np.concatenate([p.channels for p in parts])
    )


class Leaders:
    """The best candidates of all cases so far: never more than `keep`, or all where it is None."""

    def __init__(self, keep: int | None, seed: int) -> None:
        self._keep, self._seed = keep, seed
        self.found = candidates((), ())

    def add(self, more: Candidates) -> None:
        """The candidates of one more case. What is kept does not depend on the order of the cases."""
        self.found = together([self.found, more])
        if self._keep is not None:
            self.found = self.found.best(self._keep, self._seed)
