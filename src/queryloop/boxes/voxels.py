"""From a registered scorer to a map of voxels: the same functions as for images, voxels as their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from queryloop.boxes.sums import Each, Rows, Sums, nats_of
from queryloop.errors import NonFiniteError, OptionsError
from queryloop.strategies.bayesian import information, of_maximum
from queryloop.strategies.kinds import Scorer, Strategy
from queryloop.strategies.registry import Bounds, definitions

Seen = Literal["probs", "energy"]
"""What a pass of the networks gives of each voxel: the softmax, the squared length of the head's input."""


@dataclass(frozen=True, kw_only=True)
class VoxelScorer:
    """A score of each voxel.

    `needs`: what each member must tell. `each`: the score of one member, averaged by `Sums`; None where the
    mean probabilities are enough. `of`: the score from both. `bounds`: least and largest score. `compares`:
    it is made of several members; with one, disagreement is 0 everywhere and an average is no average.
    """

    name: str
    source: str
    options: Mapping[str, Any]
    bounds: Bounds
    needs: frozenset[Seen] = frozenset({"probs"})
    each: Each | None = None
    of: Callable[[Rows], Tensor]
    compares: bool = False

    def map(self, sums: Sums) -> np.ndarray:
        """Score of each voxel, (Z, Y, X) float32. Raises NonFiniteError for NaN or infinity."""
        found = torch.empty(sums.shape)  # on the CPU, where boxes are chosen
        flat = found.view(-1)
        for rows in sums.rows():
            flat[rows.voxels] = self.of(rows)
        if not found.isfinite().all():
            raise NonFiniteError(
                f"`{self.name}` gives NaN or infinity for some voxels. Did training diverge?"
            )
        return found.numpy()


_BY_SUMS: dict[str, Callable[[Rows], Tensor]] = {
    "bald": lambda rows: information(rows.probs, _each(rows)),
    "expected_entropy": lambda rows: of_maximum(_each(rows), rows.probs.shape[1]),
}
_BY_GRADIENT = ("grand", "egl", "el2n")
_OF_THE_MEAN = {f"bayesian_{name}" for name in ("least_confidence", "margin", "ratio", "entropy")} | {
    "consensus_entropy"
}


def scores_voxels(strategy: Strategy) -> bool:
    """Whether a strategy can score voxels: from their probabilities, or from sums over the members."""
    known = strategy.name in (*_BY_SUMS, *_BY_GRADIENT, *_OF_THE_MEAN)
    return isinstance(strategy, Scorer) and (known or strategy.needs == {"probs"})


def voxel_scorer(strategy: Scorer) -> VoxelScorer:
    """The map of a strategy for which `scores_voxels` holds. Raises OptionsError for one that draws."""
    plain = VoxelScorer(
        name=strategy.name,
        source=strategy.source,
        options=strategy.options,
        bounds=strategy.bounds,
        of=lambda rows: strategy.formula(probs=rows.probs),
        compares="mc_probs" in strategy.needs,
    )
    if strategy.name in _BY_SUMS:
        by_sums = _BY_SUMS[strategy.name]
        return replace(plain, each=nats_of, of=by_sums)
    if strategy.name in _OF_THE_MEAN:
        return replace(plain, of=lambda rows: strategy.formula(mc_probs=rows.probs[:, None]))
    if strategy.name in _BY_GRADIENT:
        return _by_gradient(plain, strategy)
    if strategy.draws:
        raise OptionsError(f"`{strategy.name}` draws for each row, and voxels are too many.")
    return plain


def voxel_names() -> list[str]:
    """Every registered strategy that scores voxels, sorted."""
    from queryloop.strategies.resolution import resolve

    return [found.name for found in definitions() if scores_voxels(resolve(found.name))]


def _by_gradient(plain: VoxelScorer, strategy: Scorer) -> VoxelScorer:
    """Gradient lengths of each member by its own softmax and features, then their mean."""
    if strategy.options.get("label") == "sampled":
        raise OptionsError(f"`{strategy.name}` draws no label for each voxel: choose another `label`.")
    formula = partial(strategy.formula, generator=torch.Generator())  # asked for, never used
    plain = replace(plain, options={key: v for key, v in plain.options.items() if key != "draws"})
    if strategy.needs == {"probs"}:
        return replace(plain, each=lambda probs, _: formula(probs=probs), of=_each)
    return replace(
        plain, needs=frozenset({"probs", "energy"}), each=partial(_with_features, formula), of=_each
    )


def _with_features(formula: Callable[..., Tensor], probs: Tensor, energy: Tensor | None) -> Tensor:
    """Of the features the formula reads the length only, so one feature of that length says as much."""
    assert energy is not None
    return formula(probs=probs, embeddings=energy.sqrt()[:, None])


def _each(rows: Rows) -> Tensor:
    assert rows.each is not None
    return rows.each
