"""Length of the gradient that a label would cause in the last layer, without computing a gradient.

Of the cross-entropy with label c the gradient for the last layer (weight and bias) has the length
|p - e_c| sqrt(|h|^2 + 1), h the layer's input, e_c the one-hot row of c.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.registry import strategy

Label = Literal["pseudo", "expected", "expected_squared", "sampled", "max"]


@strategy(
    family="gradient",
    source="Paul et al. 2021; Settles and Craven 2008",
    bounds=(0.0, None),
    aliases={"egl": {"label": "expected"}},
)
def grand(
    probs: Tensor,
    embeddings: Tensor,
    generator: torch.Generator,
    *,
    label: Label = "expected",
    draws: Annotated[int, Field(ge=1)] = 10,
) -> Tensor:
    """Length of the last layer's gradient, with a guess for the label that a pool row lacks.

    Formula: g(c) = |p - e_c| sqrt(|h|^2 + 1). label: "pseudo" g(argmax p); "expected" sum over c of
    p_c g(c); "expected_squared" sum over c of p_c g(c)^2 = (1 - sum p^2)(|h|^2 + 1); "sampled" mean of g
    over `draws` labels drawn from p, the only one that draws; "max" the largest g(c).
    probs: (N, C). embeddings: (N, D), the input of the last layer. Returns (N,), from 0.
    Cost: N (C + D). Use: expected model change of one step. Long embeddings win whatever their class, so
    outliers and bright images come first, and it can be worse than random: el2n leaves the length out.
    """
    energy = 2 if label == "expected_squared" else 1
    return el2n(probs, generator, label=label, draws=draws) * _with_bias(embeddings) ** energy


@strategy(family="gradient", source="Paul et al. 2021", bounds=(0.0, math.sqrt(2)))
def el2n(
    probs: Tensor,
    generator: torch.Generator,
    *,
    label: Label = "expected",
    draws: Annotated[int, Field(ge=1)] = 10,
) -> Tensor:
    """Length of the error p - e_c, with a guess for the label c that a pool row lacks.

    Formula: g(c) = |p - e_c|. label: "pseudo" g(argmax p); "expected" sum over c of p_c g(c);
    "expected_squared" sum over c of p_c g(c)^2 = 1 - sum p^2; "sampled" mean of g over `draws` labels drawn
    from p, the only one that draws; "max" the largest g(c).
    probs: (N, C). Returns (N,), in [0, sqrt 2]; at a certain row 0, but sqrt 2 with "max".
    Cost: N C. Use: as least_confidence and gini, which it follows closely. "max" ranks rows by how wrong
    they could be: certain rows come first, worse than random.
    """

    def guessed(block: Tensor) -> Tensor:
        if label == "expected_squared":
            return (block * (1 - block)).sum(dim=1)
        return _guess(block, generator, label, draws)

    return in_blocks(guessed, probs)


@strategy(family="gradient", source="Paul et al. 2021", bounds=(0.0, None))
def grand_labelled(probs: Tensor, embeddings: Tensor, true_labels: Tensor) -> Tensor:
    """Length of the last layer's gradient at rows whose labels are known.

    Formula: |p - e_y| sqrt(|h|^2 + 1), y the label.
    probs: (N, C). embeddings: (N, D), the input of the last layer. true_labels: (N,). Returns (N,), from 0.
    Cost: N (C + D). Use: on labelled data by queryloop.select, to find label errors (high) or rows that
    training can spare (low). A cycle never has the labels of its pool. With those labels it is no upper
    bound on what a strategy can reach: the hardest rows first can be worse than random.
    """
    errors = probs.scatter_add(1, true_labels[:, None], probs.new_tensor(-1.0).expand(len(probs), 1))
    return torch.linalg.vector_norm(errors, dim=1) * _with_bias(embeddings)


def _guess(probs: Tensor, generator: torch.Generator, label: Label, draws: int) -> Tensor:
    """|p - e_c| put together over the classes c as `label` says. probs: (n, C). Returns (n,)."""
    lengths = _lengths(probs)
    if label == "pseudo":
        return lengths.amin(dim=1)
    if label == "max":
        return lengths.amax(dim=1)
    if label == "expected":
        return (probs * lengths).sum(dim=1)
    drawn = torch.multinomial(probs.cpu(), draws, replacement=True, generator=generator)
    return lengths.gather(1, drawn.to(probs.device)).mean(dim=1)


def _lengths(probs: Tensor) -> Tensor:
    """|p - e_c| for every class c: |p|^2 - 2 p_c + 1 under the root. probs: (n, C). Returns (n, C)."""
    squares = probs.square().sum(dim=1, keepdim=True) + 1 - 2 * probs
    top = probs.argmax(dim=1, keepdim=True)
    errors = probs.scatter_add(1, top, probs.new_tensor(-1.0).expand(top.shape))
    sure = torch.linalg.vector_norm(errors, dim=1, keepdim=True)  # the sum above cancels where p_c nears 1
    return squares.clamp_(min=0).sqrt_().scatter_(1, top, sure)


def _with_bias(embeddings: Tensor) -> Tensor:
    """sqrt(|h|^2 + 1): the bias is a feature that is always 1. embeddings: (N, D). Returns (N,)."""
    lengths = torch.linalg.vector_norm(embeddings, dim=1)
    return torch.hypot(lengths, lengths.new_tensor(1.0))
