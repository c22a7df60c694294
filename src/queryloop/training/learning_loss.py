"""Training of a loss module beside the network: it learns which of two samples has the higher loss."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from queryloop.models.network import Network
from queryloop.randomness import derived_seed
from queryloop.training.batches import Batches
from queryloop.training.objective import Losses, Objective


class LearningLoss(Objective):
    """Mean loss of the task, and `weight` times the loss of ranking random pairs of the batch.

    From the share `detach` of the training on, the trunk learns from the task alone. Which samples are
    paired has a random state of its own, so dropout and batches are those of a training without it. With
    `class_weights` the losses that it ranks are weighted.
    Source: Yoo and Kweon 2019.
    """

    def __init__(self, losses: Losses, batches: Batches, pool: np.ndarray) -> None:
        super().__init__(losses, batches, pool)
        seed = derived_seed(batches.seed, len(batches.rows), "pairs to rank")
        self._options, self._draw = batches.options.learning_loss, torch.Generator().manual_seed(seed)

    def __call__(self, network: Network, inputs: Tensor, targets: Tensor, progress: float) -> Tensor:
        """The scalar to minimise, from one pass. progress: share of the training that is done, in [0, 1)."""
        options, judge = self._options, network.auxiliary
        assert judge is not None
        seen = network.see(inputs, network.stages)
        losses = self.losses(network.head(seen.features), targets)
        if progress >= options.detach:
            seen = seen._replace(taps={name: tap.detach() for name, tap in seen.taps.items()})
        order = torch.randperm(len(losses), generator=self._draw).to(losses.device)
        ranking = ranking_loss(judge(seen), losses, order, options.margin, options.min_gap)
        return losses.mean() + options.weight * ranking


def ranking_loss(predicted: Tensor, true: Tensor, order: Tensor, margin: float, min_gap: float) -> Tensor:
    """Mean hinge loss of pairs: the sample with the higher loss should be predicted higher by `margin`.

    predicted, true: (N,); no gradient goes to the true ones. order: permutation of 0..N-1; its first half
    is paired with its second, and where N is odd its last sample is left out. Pairs whose true losses
    differ by less than min_gap do not count; 0 where none is left.
    """
    half = len(order) // 2
    first, second = order[:half], order[half : 2 * half]
    gap = (true[first] - true[second]).detach()
    kept = gap.abs() >= min_gap
    sign = torch.where(gap > 0, 1.0, -1.0)
    hinge = F.margin_ranking_loss(predicted[first], predicted[second], sign, margin, reduction="none")
    return hinge[kept].sum() / kept.sum().clamp(min=1)
