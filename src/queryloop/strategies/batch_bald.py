"""BatchBALD: the batch whose labels together tell most about the weights.

Given labels of the chosen rows, some draws of the weights are likelier than others. What one more label
tells is its entropy under the reweighted draws, less what is noise within each draw, averaged over the
labels that the chosen rows may have. In this form a gain is never negative and stays precise when little
is left to learn.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from queryloop.strategies.bayesian import bald, nats
from queryloop.strategies.picks import Picks
from queryloop.strategies.registry import strategy

_BLOCK = 2**18  # numbers of a table of configurations by candidates at once
_SKETCH = 100  # configurations that all leading rows are compared by
_FINALISTS = 16  # rows that are compared by all configurations
_TOLERANCE = 1e-6  # nats; single precision tells no smaller gains apart
_LEFT = 5e-3  # of what the chosen rows tell: where all others together add less, bald takes over
_SETTLED = 1e-12  # nats that a configuration may leave open and still be dropped


class _Configurations(NamedTuple):
    """Labels that the chosen rows may have: how much each counts (S,), the chances of the draws (S, T)."""

    weights: Tensor
    draws: Tensor


@strategy(family="bayesian", source="Kirsch et al. 2019", bounds=(0.0, None))
def batch_bald(
    mc_probs: Tensor,
    k: int,
    generator: torch.Generator,
    *,
    max_configurations: Annotated[int, Field(ge=1)] = 10_000,
) -> Picks:
    """The rows whose labels together tell most about the weights, chosen one by one.

    Formula: greedy max of H(y_1..y_b) - sum over i of mean over t of H(p_ti). The joint entropy is exact
    while the labels that the chosen rows may have make at most max_configurations combinations; later
    that many are drawn, by how much each leaves open. A sketch of 100 of them chooses 16 finalists.
    mc_probs: (N, T, C). Returns Picks: most informative first, nats gained at the pick, from 0 on.
    Cost: N T C, then at each pick C T times 16 max_configurations and 100 for each row that may lead.
    Use: instead of bald, for batches with fewer near-copies. T draws cannot tell more than ln T: with
    T = 20 some ten to twenty rows use that up. Once all other rows together could add no more than 0.5 % to
    what the chosen ones tell, the rest follows in the order of bald, with score 0. Give it 100 draws.
    """
    single, known = bald(mc_probs), _nothing_known(mc_probs)
    bounds, chosen = single.clone(), dict[int, float]()
    while len(chosen) < k and _left_open(known) > _LEFT * sum(chosen.values()):
        at, gain = _best(mc_probs, bounds, known, generator)
        chosen[at] = gain
        bounds[at] = -torch.inf
        row = mc_probs[at].double()
        known = _extended(known, row / row.sum(dim=1, keepdim=True), max_configurations, generator)
    single[[*chosen]] = -torch.inf
    rest = single.argsort(descending=True, stable=True)[: k - len(chosen)].tolist()
    chosen |= dict.fromkeys(rest, 0.0)
    return Picks(torch.tensor([*chosen]), torch.tensor([*chosen.values()]))


def _best(
    mc_probs: Tensor, bounds: Tensor, known: _Configurations, generator: torch.Generator
) -> tuple[int, float]:
    """The row that gains most, and its gain.

    bounds: (N,), what each row gained when last looked at, minus infinity at chosen ones; updated in place.
    """
    _refresh(mc_probs, bounds, _sketched(known, generator))
    leading = bounds.topk(min(_FINALISTS, len(bounds)))
    rows = leading.indices[leading.values >= 0]
    gains = _gains(mc_probs[rows], known)
    return int(rows[gains.argmax()]), float(gains.max())


def _refresh(mc_probs: Tensor, bounds: Tensor, known: _Configurations) -> None:
    """Bring bounds up to date from the top until a new one is the largest: gains only shrink."""
    best, size = -1.0, _rows_at_once(mc_probs, known)
    falling = bounds.sort(descending=True, stable=True)
    for values, block in zip(falling.values.split(size), falling.indices.split(size), strict=True):
        rows = block[values > best + _TOLERANCE]
        if len(rows) == 0:
            return
        bounds[rows] = _gains(mc_probs[rows], known)
        best = max(best, float(bounds[rows].max()))


def _gains(mc_probs: Tensor, known: _Configurations) -> Tensor:
    """What each row's label would add: mean over configurations of H(y) - mean over draws of H(y | draw).

    mc_probs: (n, T, C). Returns (n,), from 0 on.
    """
    noise = nats(mc_probs) @ (known.weights @ known.draws).to(mc_probs.dtype)
    weights, draws = (part.to(mc_probs.dtype) for part in known)
    blocks = mc_probs.split(_rows_at_once(mc_probs, known))
    return (torch.cat([_mixed_nats(block, weights, draws) for block in blocks]) - noise).clamp_(min=0)


def _mixed_nats(mc_probs: Tensor, weights: Tensor, draws: Tensor) -> Tensor:
    """Sum over configurations of weight times H(y given the configuration). Returns (n,)."""
    rows, _, classes = mc_probs.shape
    mixed = draws @ mc_probs.transpose(0, 1).flatten(1)
    logs = mixed.clamp(min=torch.finfo(mixed.dtype).tiny).log_()
    total = logs.mul_(mixed).mul_(weights[:, None]).sum(dim=0)  # a matrix product would sum less precisely
    return -total.view(rows, classes).sum(dim=1)


def _rows_at_once(mc_probs: Tensor, known: _Configurations) -> int:
    return max(1, _BLOCK // (mc_probs.shape[2] * max(known.draws.shape)))


def _nothing_known(mc_probs: Tensor) -> _Configurations:
    """The one configuration of no labels: all draws equally likely."""
    draws = mc_probs.shape[1]
    equal = torch.full((1, draws), 1 / draws, dtype=torch.float64, device=mc_probs.device)
    return _Configurations(torch.ones_like(equal[:, 0]), equal)


def _left_open(known: _Configurations) -> float:
    """Nats between the draws and all labels that there could be, those of the chosen rows known."""
    return float(known.weights @ nats(known.draws))


def _extended(known: _Configurations, row: Tensor, most: int, generator: torch.Generator) -> _Configurations:
    """Every configuration with each label of one more row, without those that leave nothing open.

    row: (T, C). Where more than `most` remain, that many are drawn.
    """
    chances = known.draws @ row
    open_nats = _xlogx(chances) - _xlogx(known.draws) @ row - known.draws @ _xlogx(row)
    left = (known.weights[:, None] * open_nats).flatten()
    kept = (left > _SETTLED).nonzero().squeeze(1)
    drawn, factors = _drawn(left[kept], most, generator)
    before, label = kept[drawn] // row.shape[1], kept[drawn] % row.shape[1]
    chance = chances[before, label]
    return _Configurations(
        known.weights[before] * chance * factors, known.draws[before] * row.T[label] / chance[:, None]
    )


def _sketched(known: _Configurations, generator: torch.Generator) -> _Configurations:
    """At most _SKETCH of the configurations, standing for all."""
    drawn, factors = _drawn(known.weights * nats(known.draws), _SKETCH, generator)
    return _Configurations(known.weights[drawn] * factors, known.draws[drawn])


def _drawn(left: Tensor, most: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw by what is left open: none then carries much of a gain, however little there is to gain.

    left: (S,). Returns the different ones drawn, and for each the factor that makes a weighted sum over
    them an unbiased estimate of the sum over all; everything with factor 1 where S is at most `most`.
    """
    if len(left) <= most:
        return torch.arange(len(left), device=left.device), torch.ones_like(left)
    ends = left.cumsum(0)
    step = ends[-1] / most
    start = float(torch.rand(1, generator=generator, dtype=torch.float64))
    points = (torch.arange(most, dtype=left.dtype, device=left.device) + start) * step
    at = torch.searchsorted(ends, points, right=True).clamp(max=len(left) - 1)
    drawn, times = at.unique_consecutive(return_counts=True)
    return drawn, times * step / left[drawn]


def _xlogx(values: Tensor) -> Tensor:
    return torch.xlogy(values, values)
