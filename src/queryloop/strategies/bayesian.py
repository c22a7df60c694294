"""Draws of the weights: how unsure they are together, and how far they disagree."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.registry import strategy
from queryloop.strategies.uncertainty import entropy, least_confidence, margin, ratio

_BLOCK = 2**19  # numbers of a joint table at once: they stay in the cache, three times faster than 2**21


@strategy(family="bayesian", source="Houlsby et al. 2011; Gal et al. 2017", bounds=(0.0, None))
def bald(mc_probs: Tensor) -> Tensor:
    """What a label would tell about the weights: mutual information, in nats.

    Formula: H(mean over t of p_t) - mean over t of H(p_t).
    mc_probs: (N, T, C). Returns (N,), in [0, ln min(C, T)]; 0 where all draws agree.
    Cost: N T C logarithms. Use: when label noise misleads entropy, since rows that every draw calls a
    toss-up score 0. The batch is full of near-copies: batch_bald for large batches. With few draws or
    little dropout it is noise, no better than random.
    """
    return in_blocks(lambda block: information(block.mean(dim=1), mean_nats(block)), mc_probs)


@strategy(family="bayesian", source="Gal et al. 2017", bounds=(0.0, 1.0))
def bayesian_least_confidence(mc_probs: Tensor) -> Tensor:
    """What the likeliest class of the averaged draws leaves over.

    Formula: C / (C - 1) * (1 - max p), p the mean over t.
    mc_probs: (N, T, C). Returns (N,), in [0, 1]; 1 at the uniform row.
    Cost: N T C. Use: as least_confidence, with the better calibration of the average. It does not tell
    noise from ignorance.
    """
    return least_confidence(mc_probs.mean(dim=1))


@strategy(
    family="bayesian", source="Scheffer et al. 2001, on the mean of Gal et al. 2017", bounds=(-1.0, 0.0)
)
def bayesian_margin(mc_probs: Tensor) -> Tensor:
    """Gap between the two likeliest classes of the averaged draws, negated.

    Formula: p2 - p1, p the mean over t.
    mc_probs: (N, T, C). Returns (N,), in [-1, 0]; 0 where the two are equal.
    Cost: N T C. Use: the first choice among scores of the average, as margin is among those of one softmax.
    """
    return margin(mc_probs.mean(dim=1))


@strategy(family="bayesian", source="Munro 2021, on the mean of Gal et al. 2017", bounds=(0.0, 1.0))
def bayesian_ratio(mc_probs: Tensor) -> Tensor:
    """Second likeliest class of the averaged draws as a share of the likeliest.

    Formula: p2 / p1, p the mean over t.
    mc_probs: (N, T, C). Returns (N,), in [0, 1]; 1 where the two are equal.
    Cost: N T C. Use: as bayesian_margin; it differs where many classes share the mass.
    """
    return ratio(mc_probs.mean(dim=1))


@strategy(
    family="bayesian",
    source="Gal et al. 2017",
    bounds=(0.0, 1.0),
    aliases={"consensus_entropy": {"members": "ensemble"}},
)
def bayesian_entropy(mc_probs: Tensor) -> Tensor:
    """Entropy of the averaged draws, in units of its maximum: noise and ignorance together.

    Formula: H(mean over t of p_t) / log C.
    mc_probs: (N, T, C). Returns (N,), in [0, 1]; 1 at the uniform row.
    Cost: N T C. Use: as entropy, with the better calibration of the average. Noisy rows that no label
    would settle score high: compare bald.
    """
    return entropy(mc_probs.mean(dim=1))


@strategy(family="bayesian", source="Gal et al. 2017", bounds=(0.0, 1.0))
def expected_entropy(mc_probs: Tensor) -> Tensor:
    """Mean entropy of the single draws, in units of its maximum: the noise that all draws admit.

    Formula: mean over t of H(p_t) / log C; bayesian_entropy less bald.
    mc_probs: (N, T, C). Returns (N,), in [0, 1]; 1 where every draw is uniform.
    Cost: N T C logarithms. Use: to find noisy rows. As a query it buys labels of toss-ups, which teach
    little, and is easily worse than random where labels are noisy.
    """
    return of_maximum(in_blocks(mean_nats, mc_probs), mc_probs.shape[2])


@strategy(family="bayesian", source="Freeman 1965; Gal et al. 2017", bounds=(0.0, 1.0))
def variation_ratio(mc_probs: Tensor) -> Tensor:
    """Share of the draws that do not vote for the commonest class.

    Formula: 1 - max over c of votes(c) / T, each draw voting for its likeliest class.
    mc_probs: (N, T, C). Returns (N,), in [0, 1); 0 where all draws vote alike.
    Cost: N T C. Use: with many draws, when only the decision matters. With few draws most rows tie, and
    the rest of the batch is random.
    """
    return in_blocks(lambda block: 1 - vote_shares(block).amax(dim=1), mc_probs)


@strategy(family="bayesian", source="Kampffmeyer et al. 2016; Gal et al. 2017", bounds=(0.0, 0.5))
def mean_std(mc_probs: Tensor) -> Tensor:
    """How far each class's probability strays over the draws, averaged over the classes.

    Formula: mean over c of sqrt(mean over t of (p_tc - mean over t of p_tc)^2).
    mc_probs: (N, T, C). Returns (N,), in [0, 1/2]; 0 where all draws agree.
    Cost: N T C. Use: a cheap stand-in for bald. It ignores that a stray of 0.01 near 0 says more than one
    near 1/2; with many classes all scores are small and close together.
    """

    def stray(block: Tensor) -> Tensor:
        squares = (block - block.mean(dim=1, keepdim=True)).square_()  # Tensor.std takes eight times as long
        return squares.mean(dim=1).sqrt_().mean(dim=1)

    return in_blocks(stray, mc_probs)


@strategy(family="bayesian", source="Smith et al. 2023", bounds=(0.0, None))
def epig(mc_probs: Tensor, target_mc_probs: Tensor) -> Tensor:
    """What a label would tell about the labels of target rows: mean mutual information, in nats.

    Formula: mean over targets x* of the sum over y, y* of q log(q / (mean_t p_t(y) mean_t p_t(y*))), with
    q = mean over t of p_t(y) p_t(y*).
    mc_probs: (N, T, C). target_mc_probs: (R, T, C), the same draws of the weights in the same order.
    Returns (N,), in [0, ln C]; 0 where the row says nothing about any target, or there is none.
    Cost: N R C^2 (T + a logarithm); a few hundred targets are enough. Use: when the pool holds rows of no
    interest, which bald likes and which tell nothing about the targets. Where pool and targets are alike
    it is bald at a far higher price.
    """
    targets, draws, classes = target_mc_probs.shape
    if targets == 0:  # the last label is in, and there is nothing left to be predicted
        return mc_probs.new_zeros(len(mc_probs))
    columns = target_mc_probs.transpose(0, 1).reshape(draws, targets * classes)
    joint = sum(_joint_nats(mc_probs, part) for part in columns.split(max(1, _BLOCK // classes), dim=1))
    own = in_blocks(lambda block: nats(block.mean(dim=1)), mc_probs)
    return (own + nats(target_mc_probs.mean(dim=1)).mean() - joint / targets).clamp(min=0)


def information(mean: Tensor, noise: Tensor) -> Tensor:
    """Entropy of the averaged draws less the mean entropy of the single ones, in nats.

    mean: (N, C). noise: (N,), the latter. Returns (N,), from 0, below which only rounding leads.
    """
    return (nats(mean) - noise).clamp(min=0)


def of_maximum(entropies: Tensor, classes: int) -> Tensor:
    """Entropies in nats as a share of the largest that so many classes can have."""
    return entropies / math.log(classes)


def mean_nats(mc_probs: Tensor) -> Tensor:
    """Mean over the draws of their entropies. mc_probs: (N, T, C). Returns (N,)."""
    return nats(mc_probs.flatten(1)) / mc_probs.shape[1]


def nats(probs: Tensor) -> Tensor:
    """Entropy over the last axis. probs: (..., C); 0 log 0 = 0. Twice as fast as torch.special.entr."""
    logs = probs.clamp(min=torch.finfo(probs.dtype).tiny).log_()
    return 0 - logs.mul_(probs).sum(dim=-1)  # unlike a plain minus it gives no -0.0


def vote_shares(mc_probs: Tensor) -> Tensor:
    """Share of the draws whose likeliest class is c. mc_probs: (N, T, C). Returns (N, C)."""
    votes = mc_probs.argmax(dim=2)
    counts = mc_probs.new_zeros(len(mc_probs), mc_probs.shape[2])
    return counts.scatter_add_(1, votes, counts.new_ones(1).expand(votes.shape)) / votes.shape[1]


def _joint_nats(mc_probs: Tensor, columns: Tensor) -> Tensor:
    """-sum q log q over the classes of a row and some classes of some targets. columns: (T, ...)."""
    scaled = columns / columns.shape[0]
    size = max(1, _BLOCK // (mc_probs.shape[2] * columns.shape[1]))
    return in_blocks(lambda block: nats((block.transpose(1, 2) @ scaled).flatten(1)), mc_probs, size)
