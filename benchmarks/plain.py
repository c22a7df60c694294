"""The obvious way to write each query: one loop over the picks, everything recomputed at each."""

from __future__ import annotations

import torch
from pools import BLOCK, Pool
from quality import gradients
from torch import Tensor

CONFIGURATIONS = 10_000


def core_set(pool: Pool) -> list[int]:
    """Farthest first: one matrix-vector product a pick."""
    rows, labeled = pool["embeddings"], pool["labeled_embeddings"]
    lengths = rows.square().sum(dim=1)
    nearest = torch.cat([torch.cdist(block, labeled).amin(dim=1).square() for block in rows.split(BLOCK)])
    picks: list[int] = []
    for _ in range(pool.k):
        picks.append(int(nearest.argmax()))
        squares = lengths + lengths[picks[-1]] - 2 * (rows @ rows[picks[-1]])
        nearest = torch.minimum(nearest, squares)
        nearest[picks[-1]] = -torch.inf
    return picks


def badge(pool: Pool) -> list[int]:
    """k-means++ on gradients in two factors: two matrix-vector products a pick."""
    errors, rows = gradients(pool)
    lengths = errors.square().sum(dim=1) * rows.square().sum(dim=1)
    generator = torch.Generator().manual_seed(0)
    picks, nearest = [int(lengths.argmax())], torch.full_like(lengths, torch.inf)
    while len(picks) < pool.k:
        products = (errors @ errors[picks[-1]]) * (rows @ rows[picks[-1]])
        nearest = torch.minimum(nearest, (lengths + lengths[picks[-1]] - 2 * products).clamp_(min=0))
        nearest[picks[-1]] = 0
        picks.append(int(torch.multinomial(nearest, 1, generator=generator)))
    return picks


def batch_bald(pool: Pool) -> list[int]:
    """Every row's gain at every pick; configurations exact at first, 10,000 drawn ones later."""
    draws = pool["mc_probs"]
    noise = torch.special.entr(draws).sum(dim=2).mean(dim=1)
    generator = torch.Generator().manual_seed(0)
    weights, known = torch.ones(1), torch.full((1, draws.shape[1]), 1 / draws.shape[1])
    picks: list[int] = []
    for _ in range(pool.k):
        size = max(1, 2**24 // (len(known) * draws.shape[2]))
        gains = torch.cat([_entropies(block, weights, known) for block in draws.split(size)]) - noise
        gains[picks] = -torch.inf
        picks.append(int(gains.argmax()))
        weights, known = _extended(weights, known, draws[picks[-1]], generator)
    return picks


def _entropies(draws: Tensor, weights: Tensor, known: Tensor) -> Tensor:
    """Entropy of each row's label given the labels of the chosen rows. draws: (n, T, C). Returns (n,)."""
    chances = torch.matmul(known, draws)
    return torch.special.entr(chances).sum(dim=2) @ weights


def _extended(
    weights: Tensor, known: Tensor, row: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Configurations with one more label: their chances (S,), and those of the draws under each (S, T)."""
    joint = known[:, None] * row.T
    chances = joint.sum(dim=2)
    weights, known = (weights[:, None] * chances).flatten(), (joint / chances[..., None]).flatten(0, 1)
    if len(weights) <= CONFIGURATIONS:
        return weights, known
    drawn = torch.multinomial(weights, CONFIGURATIONS, replacement=True, generator=generator)
    return torch.full((CONFIGURATIONS,), 1 / CONFIGURATIONS), known[drawn]
