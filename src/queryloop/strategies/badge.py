"""Samples whose gradients are both large and unlike each other."""

from __future__ import annotations

import torch
from torch import Tensor

from queryloop.strategies.geometry.farthest import farthest
from queryloop.strategies.geometry.points import Points, centred
from queryloop.strategies.geometry.reach import Reach
from queryloop.strategies.geometry.seeding import spread
from queryloop.strategies.picks import Picks
from queryloop.strategies.registry import strategy


@strategy(family="mixed", source="Ash et al. 2020", bounds=(0.0, None), diverse=True)
def badge(probs: Tensor, embeddings: Tensor, k: int, generator: torch.Generator) -> Picks:
    """Gradients of the last layer, spread out by D^2 sampling: unsure and diverse in one.

    Formula: g = (p - onehot(argmax p)) x h; first the longest g, then each row with a chance in proportion
    to the squared distance of its g to those taken.
    probs: (N, C), rows sum to 1; embeddings: (N, D). Returns Picks: distance of g to the nearest g taken
    before (its length for the first), in [0, inf). Rows without any gradient of their own come after all
    others, farthest embedding first, copies last; their score is 0.
    Cost: N k (C + D) at most, and no N x C D matrix. Use: large batches on a network trained meanwhile; a
    safe first choice. Little better than margin for small batches, no better than random at the very start.
    """
    likeliest = probs.argmax(dim=1, keepdim=True)
    gradients = Points(probs.scatter_add(1, likeliest, -torch.ones_like(probs[:, :1])), embeddings)
    moving = (gradients.squared_norms > 0).to(probs)
    rows, squares = spread(gradients, k, generator, moving, first="largest")
    done = int((squares > 0).sum())
    if done < k:
        rows = _continued(embeddings, rows[:done], k)
    return Picks(rows, squares.sqrt())


def _continued(embeddings: Tensor, taken: Tensor, k: int) -> Tensor:
    """Rows without a new gradient after those taken, farthest first."""
    (rows,) = centred(embeddings)
    reach = Reach(Points(rows))
    reach.chosen = dict.fromkeys(taken.tolist(), 0.0)
    reach.update()
    farthest(reach, k)
    return reach.result()[0]
