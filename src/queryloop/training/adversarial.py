"""A discriminator learns to tell the pool from the labelled samples, and the network to hide it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from queryloop.models.discriminator import Discriminator
from queryloop.models.network import Network
from queryloop.randomness import derived_seed
from queryloop.training.batches import Batches
from queryloop.training.discriminating import Discriminating
from queryloop.training.objective import Losses

_SOME = 500  # rows of either side that say where it lies


class Adversarial(Discriminating):
    """The discriminator minimises penalty * slopes - S, the network its loss + weight * S.

    S says how well the two sides are told apart, higher = better; see `KINDS`.
    """

    def __init__(self, losses: Losses, batches: Batches, pool: np.ndarray) -> None:
        super().__init__(losses, batches, pool)
        self.options = batches.options.adversarial
        self.kind = KINDS[self.options.discriminator]
        self.balance = len(batches.rows) / max(1, len(pool))
        seed = derived_seed(batches.seed, len(batches.rows), "between labelled and pool")
        self._draws = torch.Generator().manual_seed(seed)

    @property
    def rate(self) -> float:
        """Of the discriminator."""
        return self.options.learning_rate

    def beside(self, network: Network, labelled: Tensor, pool: Tensor) -> Tensor:
        """The discriminator's step first: the network then has to fool the newer one."""
        judge = network.auxiliary
        assert isinstance(judge, Discriminator)
        features = as_scored(network, torch.cat([labelled, pool]))
        self.descend(judge, self.opposition(judge, *features.detach().chunk(2)))
        judge.requires_grad_(False)
        shown_labelled, shown_pool = judge.logits(features).chunk(2)
        told_apart = self.kind.separation(shown_labelled, shown_pool, self.balance)
        judge.requires_grad_(True)
        return self.options.weight * told_apart

    def finish(self, network: Network) -> None:
        """0 lies halfway between the two sides where the level of the logits means nothing else."""
        judge = network.auxiliary
        assert isinstance(judge, Discriminator)
        if len(self.pool) and not self.kind.has_level:
            judge.lower(float(np.mean([self._judged(network, some).mean() for some in self._some])))

    @property
    def _some(self) -> list[np.ndarray]:
        return [side.seen[:_SOME] for side in self._sides]

    def opposition(self, judge: Discriminator, labelled: Tensor, pool: Tensor) -> Tensor:
        """What the discriminator minimises, of features (B, D) each.

        The penalty is the mean of (slope - 1)^2 at points drawn between the sides.
        """
        shares = torch.rand(len(labelled), 1, generator=self._draws).to(labelled.device)
        points = torch.lerp(labelled, pool, shares)
        if self.kind.at_ends:
            points = torch.cat([points, labelled, pool])
        weight = self.kind.penalty if self.options.penalty is None else self.options.penalty
        penalty = (slopes(judge, points, self.kind.output) - 1).square().mean()
        return weight * penalty - self.kind.separation(judge.logits(labelled), judge.logits(pool), 1.0)


def lsgan(labelled: Tensor, pool: Tensor, _balance: float) -> Tensor:
    """Minus the squared distance of sigmoids to 0 for labelled, 1 for pool. Source: Mao et al. 2017."""
    return -(1 - pool.sigmoid()).square().mean() - labelled.sigmoid().square().mean()


def wasserstein(labelled: Tensor, pool: Tensor, balance: float) -> Tensor:
    """Difference of the means, the labelled one times `balance`. Source: Shui et al. 2020."""
    return pool.mean() - balance * labelled.mean()


class Kind(NamedTuple):
    """A kind of discriminator.

    separation: S of logits (B,) of labelled and pool, and a balance: for the network |L| / |U|, for the
    discriminator 1, else it would gain without end by a level that rises for both. output: whose slopes
    are penalised. penalty: weight as published. at_ends: slopes count at the samples too. has_level: a logit
    of 0 lies between the sides; else all may rise and fall together.
    """

    separation: Callable[[Tensor, Tensor, float], Tensor]
    output: Callable[[Tensor], Tensor]
    penalty: float
    at_ends: bool
    has_level: bool


KINDS = {
    "lsgan": Kind(lsgan, torch.sigmoid, 0.02, at_ends=False, has_level=True),
    # Against the published code: it subtracts the penalty, has it in the network's step too, where it has
    # no gradient, and bounds the outputs by a sigmoid, which cannot have slope 1 from one side to the other.
    "wasserstein": Kind(wasserstein, lambda logits: logits, 2.0, at_ends=True, has_level=False),
}


def slopes(judge: Discriminator, points: Tensor, output: Callable[[Tensor], Tensor]) -> Tensor:
    """Length of the gradient of the output at points (N, D): (N,), in fp32 even under autocast."""
    points = points.detach().float().requires_grad_()
    with torch.autocast(points.device.type, enabled=False):
        (gradients,) = torch.autograd.grad(output(judge.logits(points)).sum(), points, create_graph=True)
        return torch.linalg.vector_norm(gradients, dim=1)


def as_scored(network: Network, inputs: Tensor) -> Tensor:
    """Features (N, D) with the trunk in eval mode, as scoring will see them.

    With batch statistics the pool would either be normalised by itself, which hides from the
    discriminator what it is to find, or together with the labelled samples, which changes the task's own
    loss. This way statistics come from the labelled batches alone: with weight 0 the network is the one
    of plain training, bit by bit.
    """
    mode = network.trunk.training
    network.trunk.eval()
    features = network.embed(inputs)
    network.trunk.train(mode)
    return features
