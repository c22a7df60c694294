"""Noise over any scorer: the k highest noisy scores are a draw without replacement, not k of a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from queryloop.errors import OptionsError
from queryloop.randomness import uniform_by_id
from queryloop.strategies.balance import Balanced
from queryloop.strategies.evidence import ids_of, refuse_missing, share
from queryloop.strategies.kinds import Given, Strategy, TopK
from queryloop.strategies.picks import top_k
from queryloop.strategies.registry import Bounds, options_of

Positive = Annotated[float, Field(gt=0)]
Schedule = Literal["constant", "exponential", "smooth_sigmoid", "sharp_sigmoid"]

_WIDTHS = {"smooth_sigmoid": 2.0, "sharp_sigmoid": 0.5}


def strength(
    progress: float, *, beta: Positive = 1.0, schedule: Schedule = "constant", final_beta: Positive = 100.0
) -> float:
    """How much scores count against the noise: beta at first, on a schedule final_beta at last.

    progress: share of the scheduled cycles that is done, in [0, 1]. Source: nnActive (Lüth et al. 2025).
    """
    if schedule == "constant":
        return beta
    if schedule == "exponential":
        return float(beta * (final_beta / beta) ** progress)
    curve = 1 / (1 + np.exp(-np.array([-6.0, 12 * progress - 6, 6.0]) / _WIDTHS[schedule]))
    return float(beta + (final_beta - beta) * (curve[1] - curve[0]) / (curve[2] - curve[0]))


OPTIONS = options_of(strength)


def power(scores: Tensor, ids: np.ndarray, bounds: Bounds, seed: int) -> Tensor:  # noqa: ARG001
    """Chance of a row proportional to (score - lowest)^beta: log of the score above its lower bound."""
    return (scores - (bounds[0] or 0.0)).clamp(min=torch.finfo(scores.dtype).tiny).log()


def softmax(scores: Tensor, ids: np.ndarray, bounds: Bounds, seed: int) -> Tensor:  # noqa: ARG001
    """Chance of a row proportional to exp(beta * score)."""
    return scores


def softrank(scores: Tensor, ids: np.ndarray, bounds: Bounds, seed: int) -> Tensor:  # noqa: ARG001
    """Chance of a row proportional to rank^-beta, the highest score having rank 1."""
    ranks = torch.empty_like(scores)
    best_first = top_k(scores, ids, k=len(ids), seed=seed).positions.to(scores.device)
    ranks[best_first] = torch.arange(1, len(ids) + 1, dtype=scores.dtype, device=scores.device)
    return -ranks.log()


Energy = Callable[[Tensor, np.ndarray, Bounds, int], Tensor]
NOISES: dict[str, Energy] = {"power": power, "softmax": softmax, "softrank": softrank}


@dataclass(frozen=True, kw_only=True)
class Noisy(TopK):
    """strength * energy of the score + Gumbel noise, drawn from (seed, id)."""

    scorer: TopK
    energy: Energy
    strength: Callable[..., float]

    def score(self, evidence: Given, seed: int) -> Tensor:
        """The noisy scores. Their k highest are k draws without replacement (Gumbel-top-k)."""
        return self.over(self.scorer.score(evidence, seed), evidence, seed)

    def over(self, clean: Tensor, evidence: Given, seed: int) -> Tensor:
        """Scores of the scorer under noise; of the evidence only `ids` and `progress` are read."""
        ids = ids_of(evidence, len(clean))
        scores = clean.double().cpu()
        refuse_missing(evidence, self.needs & {"progress"}, self.name)
        beta = self.strength(share("progress", evidence.get("progress", 0.0)))
        uniform = torch.from_numpy(uniform_by_id(seed, 0, "gumbel", ids)).clamp(min=2.0**-53)
        return beta * self.energy(scores, ids, self.scorer.bounds, seed) - (-uniform.log()).log()


def wrapped(name: str, prefix: str, scorer: Strategy, options: Mapping[str, Any]) -> Noisy:
    """A scorer under noise.

    Raises OptionsError for a strategy that gives no scores or does not take the highest ones, and for `power`
    over scores without a lower bound. Source: Kirsch et al. 2023.
    """
    if isinstance(scorer, Balanced):
        raise OptionsError(
            f"`{name}` would draw without regard to balance: "
            f"take class_balanced_{prefix}_{scorer.scorer.name}."
        )
    if isinstance(scorer, Noisy):
        plain = scorer.scorer.name
        raise OptionsError(
            f"`{name}` would add the same noise twice: take one of its words, as {prefix}_{plain}."
        )
    if not isinstance(scorer, TopK):
        raise OptionsError(f"{prefix!r} needs a scorer, but `{scorer.name}` chooses a batch as a whole.")
    if prefix == "power" and scorer.bounds[0] is None:
        raise OptionsError(
            f"`{name}` needs scores with a lower bound, which those of `{scorer.name}` do not have: "
            f"take softrank_{scorer.name}."
        )
    scheduled = {"progress"} if options["schedule"] != "constant" else set()
    if not scheduled and options["final_beta"] != OPTIONS["final_beta"].default:
        raise OptionsError(
            f"final_beta has no effect on `{name}` whose schedule is constant: add "
            "strategy_options.schedule:exponential, or leave it out."
        )
    return Noisy(
        name=name,
        family="noise",
        source=f"Kirsch et al. 2023; {scorer.source}",
        needs=scorer.needs | scheduled,
        options={**scorer.options, **options},
        bounds=(None, None),
        members=scorer.members,
        auxiliary=scorer.auxiliary,
        draws=True,
        scorer=scorer,
        energy=NOISES[prefix],
        strength=partial(strength, **options),
    )
