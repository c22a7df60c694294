"""Rows by which the pool can be told from the labelled set."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, linear
from torch.optim import AdamW

from queryloop.errors import InputError
from queryloop.strategies.blocks import in_blocks
from queryloop.strategies.picks import Picks
from queryloop.strategies.quality import report_quality
from queryloop.strategies.registry import strategy

_HIDDEN = 128  # units
_SIDE = 128  # rows of each side in a batch
_BATCHES, _LOOKED_AT = 100, 10  # at most so many, of which so many are judged together
_RIGHT = 0.98
_RATE = 5e-3
_HELD_OUT = 5  # every fifth row
_LEAST = 5  # labelled rows from which on something can be held out


@strategy(family="learned", source="Gissin and Shalev-Shwartz 2019")
def discriminative(
    embeddings: Tensor,
    labeled_embeddings: Tensor,
    k: int,
    generator: torch.Generator,
    *,
    rounds: Annotated[int, Field(ge=1)] = 10,
) -> Picks:
    """Rows that a small network tells best from the labelled ones, a part of the query at a time.

    Formula: max over x of f(x), f the logit of "not labelled": one layer of 128 rectified units on
    standardised embeddings, trained on batches of 128 labelled and 128 pool rows until 98 % of them are told
    right, at most 100 batches. In each of `rounds` rounds a new f gives k / rounds rows, which count as
    labelled from then on.
    embeddings: (N, D); labeled_embeddings: (M, D), M >= 1. Returns Picks: f at the pick, higher first in a
    round, any number, no unit.
    Cost: (rounds + 1) (N + 25,000) D 128; the batches, and so the time of a training, do not grow with N.
    Use: where the labelled set is no fair sample of the pool, and no label shaped the embeddings
    (model.freeze:trunk and model.head:linear). It reports the AUROC on held-out rows: near 0.5 there is
    nothing to tell apart, and the query is close to random; above, it may also see what the network has
    learned by heart of the labelled samples. In one round copies come together.
    """
    if not len(labeled_embeddings):
        raise InputError("`discriminative` needs labelled rows to compare with: begin with random.")
    rows = _standardised(labeled_embeddings, embeddings)
    n_labeled, rounds = len(labeled_embeddings), min(rounds, k)
    labeled, pool = torch.arange(len(rows), device=rows.device).tensor_split([n_labeled])
    _report(rows, labeled, pool, generator)
    logits: list[Tensor] = []
    for at in range(rounds):
        size = k * (at + 1) // rounds - k * at // rounds
        found = _logits(_trained(rows, labeled, pool, generator), rows)[pool]
        order = found.argsort(descending=True, stable=True)
        logits.append(found[order[:size]])
        labeled, pool = torch.cat([labeled, pool[order[:size]]]), pool[order[size:].sort().values]
    return Picks(labeled[n_labeled:] - n_labeled, torch.cat(logits))


def _standardised(*parts: Tensor) -> Tensor:
    """The rows of all parts in one float32 tensor, each feature with mean 0 and variance 1, or 0."""
    rows = torch.cat([part.float() for part in parts])
    variance, mean = torch.var_mean(rows, dim=0, correction=0)
    return rows.sub_(mean).div_(variance.sqrt().where(variance > 0, 1))


def _report(rows: Tensor, labeled: Tensor, pool: Tensor, generator: torch.Generator) -> None:
    """How well a network trained on four fifths tells the labelled rows of the last fifth from the pool's."""
    if min(len(labeled), len(pool)) < _LEAST:
        return
    from sklearn.metrics import roc_auc_score

    (old, held_old), (new, held_new) = _held_out(labeled, generator), _held_out(pool, generator)
    found = _logits(_trained(rows, old, new, generator), rows[torch.cat([held_old, held_new])])
    truth = torch.arange(len(found)) >= len(held_old)
    report_quality("discriminative", float(roc_auc_score(truth.numpy(), found.cpu().numpy())), len(found))


def _held_out(positions: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Four fifths of the positions, and the rest."""
    mixed = positions[torch.randperm(len(positions), generator=generator).to(positions.device)]
    rest, kept = mixed.tensor_split([len(mixed) // _HELD_OUT])
    return kept, rest


class _Network:
    """One hidden layer; its weights come from the generator, not from torch's global one."""

    def __init__(self, n_features: int, generator: torch.Generator, device: torch.device) -> None:
        def drawn(n_out: int, n_in: int) -> Tensor:
            weight = torch.randn(n_out, n_in, generator=generator) * math.sqrt(2 / n_in)
            return weight.to(device).requires_grad_()

        def zeros(n_out: int) -> Tensor:
            return torch.zeros(n_out, device=device, requires_grad=True)

        self.parameters = (drawn(_HIDDEN, n_features), zeros(_HIDDEN), drawn(1, _HIDDEN), zeros(1))

    def __call__(self, rows: Tensor) -> Tensor:
        """The logit of being in the pool. rows: (B, D). Returns (B,)."""
        weight, bias, last, shift = self.parameters
        return linear(linear(rows, weight, bias).relu_(), last, shift).squeeze(1)


@torch.no_grad()
def _logits(network: _Network, rows: Tensor) -> Tensor:
    return in_blocks(network, rows)


def _trained(rows: Tensor, labeled: Tensor, pool: Tensor, generator: torch.Generator) -> _Network:
    """A new network; the stop rule counts what was told right before it was learned from."""
    with torch.inference_mode(False), torch.enable_grad():
        network = _Network(rows.shape[1], generator, rows.device)
        optimizer = AdamW(network.parameters, _RATE, fused=True)
        in_pool = torch.arange(2 * _SIDE, device=rows.device) >= _SIDE
        for _ in range(_BATCHES // _LOOKED_AT):
            right = 0.0
            for _ in range(_LOOKED_AT):
                batch = rows[torch.cat([_some(labeled, generator), _some(pool, generator)])]
                right += _learn(network, optimizer, batch, in_pool)
            if right >= _RIGHT * _LOOKED_AT:
                break
    return network


def _some(positions: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.randint(len(positions), (_SIDE,), generator=generator)
    return positions[drawn.to(positions.device)]


def _learn(network: _Network, optimizer: AdamW, batch: Tensor, in_pool: Tensor) -> float:
    """One step; the share of the batch that was told right before it."""
    logits = network(batch)
    optimizer.zero_grad()
    binary_cross_entropy_with_logits(logits, in_pool.float()).backward()
    optimizer.step()
    return float(((logits.detach() > 0) == in_pool).float().mean())
