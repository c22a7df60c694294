"""Running sums over the members of an ensemble: what scores need, and not one member's probabilities more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from queryloop.errors import InputError, NonFiniteError
from queryloop.strategies.bayesian import nats
from queryloop.voxels import Triple

_BLOCK = 2**19  # numbers at once: they stay in the cache
_TOLERANCE = 1e-2  # of a sum of probabilities: bfloat16 keeps eight bits

Each = Callable[[Tensor, Tensor | None], Tensor]
"""A score of one member: its probabilities (N, C) and the squared lengths of its features (N,) to (N,)."""


def nats_of(probs: Tensor, energy: Tensor | None) -> Tensor:  # noqa: ARG001
    """Entropy of a member's softmax, which disagreement is made of."""
    return nats(probs)


class Rows(NamedTuple):
    """Some voxels as rows: the mean probabilities (n, C), and the members' mean of `each`, (n,)."""

    voxels: slice
    probs: Tensor
    each: Tensor | None


class Sums:
    """Sum of the members' probabilities and of a score of each: C + 1 maps, however many members there are.

    shape: of the case or of some planes of it. each: the score of a single member; None where none is needed.
    """

    def __init__(self, n_classes: int, shape: Triple, each: Each | None = nats_of) -> None:
        self.n_classes, self.shape = n_classes, shape
        self._each = each
        self._probs = torch.zeros(n_classes, *shape)
        self._scores = torch.zeros(shape) if each else None
        self._planes = 0

    def add(self, probs: Tensor, energy: Tensor | None = None, *, start: int = 0) -> None:
        """One member's softmax of all planes, or of some from plane `start` on.

        probs: (C, z, Y, X). energy: (z, Y, X), squared length of the last layer's input, if `each` reads it.
        Raises InputError for another shape or what are no probabilities, NonFiniteError for NaN or infinity.
        """
        planes = slice(start, start + probs.shape[1])
        here = self._probs[:, planes]
        if here.shape != probs.shape or (energy is not None and energy.shape != probs.shape[1:]):
            raise InputError(
                f"a member's probabilities have shape {tuple(probs.shape)} from plane {start} on, which does "
                f"not fit into {(self.n_classes, *self.shape)}."
            )
        _refuse_no_probabilities(probs)
        here += probs
        if self._each and self._scores is not None:
            self._add_scores(probs.float(), energy, self._scores[planes])  # no logarithm of eight bits
        self._planes += len(here[0])

    @property
    def members(self) -> int:
        """How many members were added. Raises InputError where one of them lacks planes, or none is there."""
        members, rest = divmod(self._planes, self.shape[0])
        if rest or not members:
            raise InputError(
                f"the members gave {self._planes} planes in all, but each must give {self.shape[0]}."
            )
        return members

    @property
    def mean(self) -> Tensor:
        """Mean probabilities, (C, Z, Y, X): a new array, as large as the sums."""
        return self._probs / self.members

    def mean_of(self, c: int) -> np.ndarray:
        """Mean probability of one class, (Z, Y, X)."""
        return (self._probs[c] / self.members).cpu().numpy()

    @property
    def classes(self) -> Tensor:
        """The likeliest class of each voxel, (Z, Y, X) uint8."""
        return self._probs.argmax(dim=0).to(torch.uint8)

    def rows(self) -> Iterator[Rows]:
        """All voxels, in order, a block at a time."""
        members, flat = self.members, self._probs.flatten(1)
        scores = None if self._scores is None else self._scores.flatten()
        for voxels in _blocks(flat):
            each = None if scores is None else scores[voxels] / members
            yield Rows(voxels, (flat[:, voxels] / members).T, each)

    def _add_scores(self, probs: Tensor, energy: Tensor | None, scores: Tensor) -> None:
        assert self._each is not None
        flat = probs.flatten(1)
        lengths, found = None if energy is None else energy.flatten(), scores.view(-1)
        for voxels in _blocks(flat):
            part = None if lengths is None else lengths[voxels]
            found[voxels] += self._each(flat[:, voxels].T, part)


def _blocks(flat: Tensor) -> Iterator[slice]:
    classes, voxels = flat.shape
    step = max(1, _BLOCK // classes)
    return (slice(start, start + step) for start in range(0, voxels, step))


def _refuse_no_probabilities(probs: Tensor) -> None:
    total = probs.sum(dim=0)
    if not total.isfinite().all():
        raise NonFiniteError(
            "a network gave NaN or infinity: the training diverged. Lower training.learning_rate, or set "
            "training.precision:32."
        )
    worst = (total - 1).abs().max()
    if worst > _TOLERANCE or probs.min() < 0:
        raise InputError(
            f"a member's probabilities are off 1 by up to {worst:.3g} in sum, or below 0. Give a softmax."
        )
