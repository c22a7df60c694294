"""Samples whose loss a module beside the network predicts to be high."""

from __future__ import annotations

from torch import Tensor

from queryloop.strategies.registry import strategy


@strategy(family="learned", source="Yoo and Kweon 2019", auxiliary="learning_loss")
def learning_loss(predicted_loss: Tensor) -> Tensor:
    """The loss that a small module, trained beside the network, predicts for a sample.

    Formula: w . [relu(W_1 f_1 + b_1), ..., relu(W_S f_S + b_S)] + b, where f_s are the means over places
    of what stage s of the network gives.
    predicted_loss: (N,), any numbers. Returns (N,), the same; only their order means something.
    Cost: none beyond the pass; the training takes a little longer. Use: where a loss exists but no
    probabilities, since it asks nothing of the task. The module reads the network and does not change
    it; as published it does (`training.learning_loss.detach: 0.6`), so compare with random under
    `training.auxiliary: learning_loss` then. Ranking by the true loss is worse than by the
    predicted one and, with few labels, worse than random: the hardest samples are odd ones. Its authors
    score 10,000 random samples of the pool (`query.candidates`), against near-copies in the query.
    """
    return predicted_loss
