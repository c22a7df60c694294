"""What a discriminator, trained beside the network, takes for unlabelled."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softsign

from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.registry import strategy
from queryloop.strategies.uncertainty import entropy, least_confidence, margin

Criterion = Literal["margin", "entropy", "least_confidence", "l1", "l2"]
Weight = Annotated[float, Field(ge=0)]

_LEAST = torch.finfo(torch.float32).tiny  # stands for exact zeros under a logarithm


@strategy(
    family="learned",
    source="WAAL, Shui et al. 2020, in the mixture of deeplay",
    bounds=(0.0, None),
    auxiliary="adversarial",
)
def adversarial(
    probs: Tensor,
    discriminator: Tensor,
    *,
    criterion: Criterion = "margin",
    uncertainty_weight: Weight = 0.3,
    discriminator_weight: Weight = 0.7,
) -> Tensor:
    """Unsure, and unlike the labelled samples to a discriminator that the network tries to fool.

    Formula: uncertainty_weight u + discriminator_weight (1 + d / (1 + |d|)) / 2, d the discriminator's logit,
    u in [0, 1]: "margin" 1 - p1 + p2; "entropy" and "least_confidence" the strategies of these names; "l1"
    C log C / sum -log p; "l2" sqrt(C) log C / |log p|.
    probs: (N, C). discriminator: (N,), higher = looks unlabelled. Returns (N,), from 0 to the sum of the
    weights; d goes over the whole range like a sigmoid but is never flat, so far out it still ranks; of
    "wasserstein", whose level is free, 0 lies halfway between the sides. WAAL's own score, l1 / 2 + l2 / 2 -
    10 d of logarithms that are not scaled, is not among the criteria.
    Cost: N C; training three passes through the trunk for one. Use: where the labelled samples do not cover
    the pool. Its network has seen the pool, so compare it with random and training.auxiliary:adversarial,
    at equal gradient_steps. `metrics.auxiliary_quality` near 0.5 says that the discriminator knows nothing;
    above, it may also know by heart what the network has learned of the labelled samples.
    """
    unlabelled = (1 + softsign(discriminator)) / 2
    return uncertainty_weight * CRITERIA[criterion](probs) + discriminator_weight * unlabelled


@strategy(family="learned", source="VAAL, Sinha et al. 2019", auxiliary="vaal")
def vaal(discriminator: Tensor) -> Tensor:
    """Unlike the labelled samples to a discriminator on the latent of an autoencoder.

    Formula: d, the discriminator's logit.
    discriminator: (N,), higher = looks unlabelled. Returns (N,), any number.
    Cost: N; training an autoencoder of the images beside the network. Use: where the task says little, such
    as in the first cycles: classes play no part. Often no better than random; `metrics.auxiliary_quality`
    near 0.5 says that the discriminator knows nothing.
    """
    return discriminator


def _l1(probs: Tensor) -> Tensor:
    """Sum of -log p at the uniform row, as a share of the row's own: in (0, 1]."""
    sums = in_blocks(lambda block: -block.clamp(min=_LEAST).log().sum(dim=1), probs)
    return probs.shape[1] * math.log(probs.shape[1]) / sums


def _l2(probs: Tensor) -> Tensor:
    """Length of log p at the uniform row, as a share of the row's own: in (0, 1]."""
    lengths = in_blocks(lambda block: torch.linalg.vector_norm(block.clamp(min=_LEAST).log(), dim=1), probs)
    return math.sqrt(probs.shape[1]) * math.log(probs.shape[1]) / lengths


CRITERIA: dict[Criterion, Callable[[Tensor], Tensor]] = {
    "margin": lambda probs: 1 + margin(probs),
    "entropy": entropy,
    "least_confidence": least_confidence,
    "l1": _l1,
    "l2": _l2,
}
"""Uncertainty of probabilities (N, C): (N,) in [0, 1], 1 at the uniform row."""
