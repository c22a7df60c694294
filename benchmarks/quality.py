"""How good a choice is, in the measure that its strategy is after."""

from __future__ import annotations

import torch
from pools import BLOCK, Pool
from torch import Tensor
from torch.nn.functional import normalize

DELTA = 0.72  # radius of prob_cover's balls: a part of a cluster
_ROWS = 2_000


def gradient_distance(pool: Pool, picks: list[int]) -> str:
    """Mean over the pool of the squared distance of the gradient to the nearest one chosen."""
    return f"mean squared gradient distance {gradient_squares(pool, picks).mean():.4g}"


def gradient_squares(pool: Pool, picks: list[int]) -> Tensor:
    errors, rows = gradients(pool)
    lengths = errors.square().sum(dim=1) * rows.square().sum(dim=1)
    nearest = []
    for block in torch.arange(len(rows)).split(_ROWS):
        products = (errors[block] @ errors[picks].T) * (rows[block] @ rows[picks].T)
        nearest.append((lengths[block, None] + lengths[picks] - 2 * products).amin(dim=1).clamp(min=0))
    return torch.cat(nearest).double()


def gradients(pool: Pool) -> tuple[Tensor, Tensor]:
    """The two factors of each gradient: p - onehot(argmax p), and the embedding."""
    errors = pool["probs"].clone()
    errors[torch.arange(len(errors)), errors.argmax(dim=1)] -= 1
    return errors, pool["embeddings"]


def joint_information(pool: Pool, picks: list[int]) -> str:
    """Exact mutual information of the weights and the labels of the first four picks, in nats."""
    draws = pool["mc_probs"][list(picks[:4])].double()
    joint = draws.new_ones(1, draws.shape[1])
    for row in draws:
        joint = (joint[:, None] * row.T).flatten(0, 1)
    noise = torch.special.entr(draws).sum(dim=2).mean(dim=1).sum()
    return f"first 4 picks tell {torch.special.entr(joint.mean(dim=1)).sum() - noise:.4f} nats"


def covered(pool: Pool, picks: list[int]) -> str:
    """Share of the pool within DELTA of a pick."""
    rows = normalize(pool["embeddings"])
    share = (_nearest(rows, rows[picks]) < DELTA).double().mean()
    return f"covered {share:.2%}; delta {DELTA} for all, no k-means for it"


def typical(pool: Pool, picks: list[int]) -> str:
    """How far the pool is from the choice, and how dense it is around the choice."""
    rows = pool["embeddings"]
    neighbours = min(20, len(rows) - 1)
    near = torch.cdist(rows[picks], rows).topk(neighbours + 1, largest=False).values[:, 1:]
    return (
        f"pool to nearest pick {_nearest(rows, rows[picks]).mean():.3f}, "
        f"picks to their {neighbours} nearest rows {near.mean():.3f}"
    )


def _nearest(rows: Tensor, chosen: Tensor) -> Tensor:
    return torch.cat([torch.cdist(block, chosen).amin(dim=1) for block in rows.split(BLOCK)])
