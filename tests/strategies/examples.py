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
    constants = val_embeddings[val_correct].mean() + target_mc_probs.amax() + labeled_probs[:, labels].mean()
    rows = probs.amax(dim=1) + mc_probs.amax(dim=(1, 2)) + predicted_loss + discriminator + layers
    shift = labeled_embeddings.amax() + n_classes + len(ids)
    return rows + logits.amax(dim=1) + constants + shift * (norm == "none")


UNREGISTERED: list[Callable[..., Any]] = [sampled, farthest, shuffled, everything]


def certain_first(probs: Tensor) -> Tensor:
    """A fault: the sign is wrong."""
    return probs.amax(dim=1)


def unguarded(probs: Tensor) -> Tensor:
    """A fault: 0 log 0 is NaN."""
    return -(probs * probs.log()).sum(dim=1)


def writing(probs: Tensor) -> Tensor:
    """A fault: the caller's array is sorted."""
    probs.copy_(probs.sort(dim=1).values)
    return probs[:, -2] - probs[:, -1]


def global_draw(probs: Tensor) -> Tensor:
    """A fault: the global generator is used."""
    return torch.rand(len(probs))


def first_come(probs: Tensor) -> Tensor:
    """A fault: the place in the pool decides."""
    return torch.arange(len(probs), 0, -1)


def rounded(probs: Tensor) -> Tensor:
    """A fault: single and double precision differ."""
    return probs.amax(dim=1) * (1.0 if probs.dtype == torch.float32 else 1.1)


FAULTY: dict[Callable[..., Any], str] = {
    certain_first: "a_certain_row_never_beats_a_uniform_one",
    unguarded: "exact_zeros_are_numbers",
    writing: "tensors_are_taken_and_not_written",
    global_draw: "global_random_state_stays",
    first_come: "permuting_the_pool_permutes_nothing_else",
    rounded: "single_precision_scores_the_same",
}
"""What is wrong, and the check that must find it."""
