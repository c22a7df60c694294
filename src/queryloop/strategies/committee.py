"""Networks trained apart, as a committee: where its members disagree."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from queryloop.strategies.bayesian import nats, vote_shares
from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.registry import strategy


@strategy(family="committee", source="Dagan and Engelson 1995", bounds=(0.0, 1.0), members="ensemble")
def vote_entropy(mc_probs: Tensor) -> Tensor:
    """Entropy of the members' votes, in units of log C.

    Formula: -sum over c of v_c log v_c / log C, v_c the share of members whose likeliest class is c.
    mc_probs: (N, T, C), T members. Returns (N,), in [0, 1]; 0 where all vote alike.
    Cost: N T C. Use: with ten members or more, when only decisions matter. With three to five most rows
    tie and much of the batch is random: kl_disagreement then.
    """
    votes = in_blocks(lambda block: nats(vote_shares(block)), mc_probs)
    return votes / math.log(mc_probs.shape[2])


@strategy(family="committee", source="after McCallum and Nigam 1998", bounds=(0.0, None), members="ensemble")
def kl_disagreement(mc_probs: Tensor) -> Tensor:
    """How far the member that strays most is from the committee's average, in nats.

    Formula: max over t of the sum over c of p_tc log(p_tc / mean over t of p_tc).
    mc_probs: (N, T, C), T members. Returns (N,), in [0, ln T]; 0 where all members agree.
    Cost: N T C logarithms. Use: with few members, when one dissenter is reason enough to ask. One badly
    trained member decides the whole query, which can then lose to random. The mean over members, as
    published, is bald of the ensemble.
    """
    return in_blocks(_largest_divergence, mc_probs)


def _largest_divergence(mc_probs: Tensor) -> Tensor:
    logs = mc_probs.mean(dim=1).clamp_(min=torch.finfo(mc_probs.dtype).tiny).log_()
    cross = (mc_probs * logs.unsqueeze(1)).sum(dim=2)
    return (-nats(mc_probs) - cross).amax(dim=1).clamp_(min=0)
