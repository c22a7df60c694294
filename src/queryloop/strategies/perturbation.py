"""Rows whose predicted class changes as the embedding is disturbed."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import linear, normalize

from queryloop.errors import InputError
from queryloop.strategies.evidence import Head
from queryloop.strategies.geometry.kmeans import kmeans, nearest_rows
from queryloop.strategies.geometry.points import Points, centred
from queryloop.strategies.picks import Picks
from queryloop.strategies.registry import strategy
from queryloop.strategies.uncertainty import margin

_BLOCK = 2**21  # numbers


@strategy(family="mixed", source="Gupte et al. 2024", bounds=(0.0, 1.0))
def dropquery(
    embeddings: Tensor,
    head: Head,
    k: int,
    generator: torch.Generator,
    *,
    draws: Annotated[int, Field(ge=1)] = 3,
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.75,
) -> Picks:
    """Rows whose class does not survive dropout of their embedding, spread by k-means.

    Formula: candidates are the rows whose class differs from the undisturbed one in more than half of
    `draws` copies, in which each feature is 0 with chance `rate` (others divided by 1 - rate); k-means into
    k, the candidate nearest to each centre. With at most k candidates: the k rows of the most differing
    copies, smallest p1 - p2 first among equals.
    embeddings: (N, D); head: weight (C, D), bias (C,). Returns Picks: share of differing copies, higher
    first (smaller margin first among equals), [0, 1], no unit.
    Cost: N D (draws C + k a round of k-means). Use: on frozen features of a large pretrained network, from
    few labels on. Like margin where nearly all rows are candidates.
    """
    differing, gaps = _disturbed(embeddings, head, draws, rate, generator)
    urgency = differing + (1 + gaps) / 2
    candidates = (differing > draws / 2).nonzero().squeeze(1)
    positions = _spread(candidates, embeddings[candidates], urgency, k, generator)
    return Picks(positions, differing[positions] / draws)


@strategy(family="mixed", source="Parvaneh et al. 2022", bounds=(0.0, 1.0))
def alfa_mix(
    probs: Tensor,
    embeddings: Tensor,
    labeled_embeddings: Tensor,
    labels: Tensor,
    head: Head,
    k: int,
    generator: torch.Generator,
    *,
    epsilon: Annotated[float, Field(gt=0)] = 0.2,
) -> Picks:
    """Rows whose class flips as labelled features are mixed in, spread by k-means.

    Formula: h + alpha (a - h) for each anchor a, the mean of the labelled rows of a class; alpha in closed
    form moves h by e |a - h| / sqrt(D) along g = (p - onehot of the likeliest class) W. Candidates: class
    changes for any anchor with e = epsilon, 2 epsilon, ... until it is 1 or more, as far as needed for more
    than k of them. K-means into k on candidates of unit length, the nearest to each centre. With at most k
    candidates in all: the k rows of least e.
    probs: (N, C); embeddings: (N, D); head: weight (C, D), bias (C,); M >= 1. Returns Picks: 1 / (1 + least
    e), higher first, [0, 1], no unit.
    Cost: N D (C + k a round of k-means). Use: from few labels on, as far as the last layer is linear. Close
    to margin where one class neighbours all others.
    """
    if not len(labels):
        raise InputError("`alfa_mix` mixes with labelled rows, but there are none: begin with random.")
    anchors = _class_means(labeled_embeddings, labels)
    least = _least_mix(probs, embeddings, head, anchors)
    rounds = (least / epsilon).ceil_().clamp_(min=1)
    needed = rounds.kthvalue(min(k + 1, len(rounds))).values.clamp(max=math.ceil(1 / epsilon))
    candidates = (rounds <= needed).nonzero().squeeze(1)
    ease = 1 / (1 + least)
    positions = _spread(candidates, normalize(embeddings[candidates]), ease, k, generator)
    return Picks(positions, ease[positions])


def _spread(
    candidates: Tensor, features: Tensor, urgency: Tensor, k: int, generator: torch.Generator
) -> Tensor:
    """The candidate nearest to each of k centres, or the k most urgent rows where candidates are too few."""
    if len(candidates) <= k:
        return urgency.argsort(descending=True, stable=True)[:k]
    centres = kmeans(features, k, generator).centres
    chosen = candidates[nearest_rows(features, centres)]
    return chosen[urgency[chosen].argsort(descending=True, stable=True)]


def _disturbed(
    embeddings: Tensor, head: Head, draws: int, rate: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """In how many copies the class differs, and p2 - p1 of the undisturbed row: both (N,)."""
    differing = embeddings.new_zeros(len(embeddings))
    gaps = torch.empty_like(differing)
    for block in _blocks(len(embeddings), *head.weight.shape):
        rows = embeddings[block]
        logits = linear(rows, *head)
        gaps[block] = margin(logits.softmax(dim=1))
        for _ in range(draws):
            kept = torch.rand(rows.shape, generator=generator).to(rows.device) >= rate
            copy = linear(rows * kept / (1 - rate), *head)
            differing[block] += copy.argmax(dim=1) != logits.argmax(dim=1)
    return differing, gaps


def _least_mix(probs: Tensor, embeddings: Tensor, head: Head, anchors: Tensor) -> Tensor:
    """The least e with which a class flips for any anchor, infinity where none does: (N,).

    An anchor says only how far the row moves; while it moves along one line its class stays on one interval.
    So the farthest anchor flips first, and the length to the flip is a quotient of logits.
    """
    least = embeddings.new_empty(len(embeddings))
    weight, bias = head
    for block in _blocks(len(embeddings), *weight.shape):
        rows = embeddings[block]
        likeliest = probs[block].argmax(dim=1, keepdim=True)
        rises = linear(normalize(_directions(probs[block], likeliest) @ weight), weight)
        logits = linear(rows, weight, bias)
        lengths = _lengths(logits.gather(1, likeliest) - logits, rises - rises.gather(1, likeliest))
        moved, targets = centred(rows, anchors)
        reach = Points(moved).squared_distances(Points(targets)).amax(dim=1).sqrt()
        least[block] = lengths / reach.clamp(min=torch.finfo(reach.dtype).tiny)
    return least * math.sqrt(embeddings.shape[1])


def _directions(probs: Tensor, likeliest: Tensor) -> Tensor:
    """p - y for y the likeliest class, up to a positive factor, exact where p rounds to 1: (N, C)."""
    others = probs.scatter(1, likeliest, 0)
    errors = others.scatter(1, likeliest, -others.sum(dim=1, keepdim=True))
    return errors / errors.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(errors.dtype).tiny)


def _lengths(leads: Tensor, rises: Tensor) -> Tensor:
    """How far until the first class catches up: least lead / rise, 0 where one is ahead already."""
    lengths = torch.where(rises > 0, leads / rises, torch.inf).where(leads >= 0, 0)
    return lengths.amin(dim=1)


def _class_means(embeddings: Tensor, labels: Tensor) -> Tensor:
    # A class without labels needs none: the mean of all, which the published code takes, lies between these.
    _, classes, sizes = labels.unique(return_inverse=True, return_counts=True)
    sums = embeddings.new_zeros(len(sizes), embeddings.shape[1]).index_add_(0, classes, embeddings)
    return sums / sizes[:, None]


def _blocks(n: int, *widths: int) -> list[slice]:
    size = max(1, _BLOCK // max(widths))
    return [slice(start, start + size) for start in range(0, n, size)]
