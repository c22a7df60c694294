"""Strategies that nobody registered: one of each kind the contract allows, for the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from queryloop.strategies import Picks


def sampled(probs: Tensor, generator: torch.Generator, *, power: float = 1.0) -> Tensor:
    """A scorer that draws: the chance of a class other than one drawn from the row itself."""
    drawn = torch.multinomial(probs**power, 1, generator=generator)
    return 1 - probs.gather(1, drawn).squeeze(1)


def farthest(embeddings: Tensor, labeled_embeddings: Tensor, k: int) -> Picks:
    """A batch strategy: the row farthest from all that is labelled or chosen, k times."""
    nearest = torch.cdist(embeddings, labeled_embeddings).amin(dim=1)
    positions, gains = [], []
    for _ in range(k):
        at = int(nearest.argmax())
        positions.append(at)
        gains.append(float(nearest[at].clamp(min=0)))
        nearest = torch.minimum(nearest, (embeddings - embeddings[at]).norm(dim=1))
        nearest[at] = -1
    return Picks(torch.tensor(positions), torch.tensor(gains))


def shuffled(probs: Tensor, k: int, generator: torch.Generator) -> Picks:
    """A batch strategy that draws."""
    positions = torch.randperm(len(probs), generator=generator)[:k]
    return Picks(positions, probs[positions, 0])


def everything(
    ids: Any,
    probs: Tensor,
    mc_probs: Tensor,
    embeddings: Tensor,
    activations: dict[str, Tensor],
    predicted_loss: Tensor,
    discriminator: Tensor,
    head: Any,
    n_classes: int,
    labeled_embeddings: Tensor,
    labeled_probs: Tensor,
    labeled_activations: dict[str, Tensor],
    labels: Tensor,
    val_embeddings: Tensor,
    val_correct: Tensor,
    target_mc_probs: Tensor,
    *,
    norm: Literal["none", "layer"] = "none",
) -> Tensor:
    """A scorer that reads every need, each in a way that its own type and shape allow."""
    logits = embeddings @ head.weight.T + head.bias
    layers = sum(
        activations[layer].square().mean(dim=1) - labeled_activations[layer].square().mean()
        for layer in activations
    )
    constants = val_embeddings[val_correct].mean() + target_mc_probs.sum() + labeled_probs[:, labels].mean()
    rows = probs.amax(dim=1) + mc_probs.amax(dim=(1, 2)) + predicted_loss + discriminator + layers
    shift = labeled_embeddings.amax() + n_classes + len(ids)
    return rows + logits.amax(dim=1) + constants + shift * (norm == "none")


UNREGISTERED: list[Callable[..., Any]] = [sampled, farthest, shuffled, everything]
