"""How unsure one softmax is: five classic scores, each normalised over the number of classes C."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.registry import strategy


@strategy(family="uncertainty", source="Lewis and Gale 1994", bounds=(0.0, 1.0))
def least_confidence(probs: Tensor) -> Tensor:
    """What the likeliest class leaves over.

    Formula: C / (C - 1) * (1 - max p).
    probs: (N, C), rows sum to 1. Returns (N,), in [0, 1]; 1 at the uniform row.
    Cost: N C. Use: a cheap default for a single network. With batches that are large for the pool, or
    with few labels, it takes near-copies and can lose to random.
    """
    classes = probs.shape[1]
    return (1 - probs.amax(dim=1)) * (classes / (classes - 1))


@strategy(family="uncertainty", source="Scheffer et al. 2001", bounds=(-1.0, 0.0))
def margin(probs: Tensor) -> Tensor:
    """Gap between the two likeliest classes, negated.

    Formula: p2 - p1, of the largest p1 and the second largest p2.
    probs: (N, C), rows sum to 1. Returns (N,), in [-1, 0]; 0 where the two are equal.
    Cost: N C. Use: the plain score to try first: it asks which of two classes is right and is seldom
    worse than the other four. It takes near-copies in large batches.
    """
    return in_blocks(lambda block: torch.sub(*_second_and_first(block)), probs)


@strategy(family="uncertainty", source="Munro 2021", bounds=(0.0, 1.0))
def ratio(probs: Tensor) -> Tensor:
    """Second likeliest class as a share of the likeliest.

    Formula: p2 / p1, of the largest p1 and the second largest p2.
    probs: (N, C), rows sum to 1. Returns (N,), in [0, 1]; 1 where the two are equal.
    Cost: N C. Use: as margin; it differs where many classes share the mass, since a small gap between
    two unlikely classes counts for less than equal shares.
    """
    return in_blocks(lambda block: torch.div(*_second_and_first(block)), probs)


@strategy(family="uncertainty", source="Shannon 1948; Settles and Craven 2008", bounds=(0.0, 1.0))
def entropy(probs: Tensor) -> Tensor:
    """Entropy of the softmax, in units of its maximum (logarithm to base C; 0 log 0 = 0).

    Formula: -sum p log p / log C.
    probs: (N, C), rows sum to 1. Returns (N,), in [0, 1]; 1 at the uniform row.
    Cost: N C logarithms. Use: when every class matters. With many classes the small probabilities
    dominate it, and it often loses to margin; with few labels it can lose to random.
    """
    nats = in_blocks(lambda block: torch.special.entr(block).sum(dim=1), probs)
    return nats / math.log(probs.shape[1])


@strategy(family="uncertainty", source="Gini 1912; Breiman et al. 1984", bounds=(0.0, 1.0))
def gini(probs: Tensor) -> Tensor:
    """Chance that two classes drawn from the softmax differ, in units of its maximum.

    Formula: C / (C - 1) * (1 - sum p^2), as C / (C - 1) * sum p (1 - p).
    probs: (N, C), rows sum to 1. Returns (N,), in [0, 1]; 1 at the uniform row.
    Cost: N C. Use: between least_confidence and entropy: all classes count, small ones little, and no
    logarithm. It shares their weakness for near-copies in large batches.
    """
    classes = probs.shape[1]
    return in_blocks(lambda block: (block * (1 - block)).sum(dim=1), probs) * (classes / (classes - 1))


def _second_and_first(probs: Tensor) -> tuple[Tensor, Tensor]:
    """The two largest of each row; equal ones count twice. Three times faster than topk."""
    first, at = probs.max(dim=1, keepdim=True)
    return probs.scatter(1, at, -1.0).amax(dim=1), first.squeeze(1)
