"""What a segmentation minimises where only some voxels are labelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from queryloop.voxels import IGNORE, Triple

_SMOOTH = 1e-5


class Loss(NamedTuple):
    """Means over the labelled voxels, each a scalar: nats, and 1 - Dice in [0, 1]."""

    cross_entropy: Tensor
    dice: Tensor


def partial(logits: Tensor, labels: Tensor) -> Loss:
    """Cross-entropy and soft Dice loss of the labelled voxels; the others have no part in either.

    logits: (B, K, z, y, x) fp32. labels: (B, z, y, x) uint8, IGNORE where unknown. Dice is that of the
    whole batch, averaged over the foreground classes that occur in its labels. Both are 0, with gradient
    0, where nothing is there to learn from.
    """
    seen = labels != IGNORE
    rows, targets = logits.movedim(1, -1)[seen], labels[seen].long()
    cross_entropy = F.cross_entropy(rows, targets, reduction="sum") / max(1, len(targets))
    return Loss(cross_entropy, _dice(rows.softmax(dim=1), targets))


def _dice(probs: Tensor, targets: Tensor) -> Tensor:
    """probs: (N, K). targets: (N,)."""
    truth = F.one_hot(targets, probs.shape[1]).to(probs.dtype)
    sizes = truth.sum(dim=0)
    dice = (2 * (probs * truth).sum(dim=0) + _SMOOTH) / (probs.sum(dim=0) + sizes + _SMOOTH)
    present = sizes[1:] > 0
    return ((1 - dice[1:]) * present).sum() / present.sum().clamp(min=1)


def supervised(outputs: Sequence[Tensor], labels: Tensor, strides: Sequence[Triple]) -> Loss:
    """The loss of every resolution's logits, finest first, the i-th with a weight of 1 / 2^i, summing to 1.

    outputs: (B, K, z_i, y_i, x_i) each. labels: (B, z, y, x). strides: of each resolution; its voxels have
    the label of their first corner.
    """
    weights = torch.tensor([0.5**level for level in range(len(outputs))])
    weights /= weights.sum()
    coarser = [labels[:, ::z, ::y, ::x] for z, y, x in strides]
    losses = [partial(logits, seen) for logits, seen in zip(outputs, coarser, strict=True)]
    cross_entropy, dice = (
        sum((w * loss for w, loss in zip(weights.tolist(), part, strict=True)), outputs[0].new_zeros(()))
        for part in zip(*losses, strict=True)
    )
    return Loss(cross_entropy, dice)
