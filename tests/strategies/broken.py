"""Strategies that break one promise each, and the only check of the battery that may find it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from queryloop.strategies import Picks, Strategy, resolve
from queryloop.strategies.evidence import as_tensor, gathered
from queryloop.strategies.kinds import Given, Scores, TopK, from_definition
from queryloop.strategies.registry import read

SOUND = resolve("entropy")
Asked = Callable[[Given, int, int], bool]
"""Whether the fault shows, for evidence, k and seed."""


@dataclass(frozen=True, kw_only=True)
class Broken(TopK):
    """Entropy, but for one fault."""

    on_score: Callable[[Given, int], Tensor] = SOUND.score  # type: ignore[assignment]
    on_choose: Callable[..., Picks] = SOUND.choose

    def score(self, evidence: Given, seed: int) -> Tensor:
        return self.on_score(evidence, seed)

    def choose(self, scores: Scores | None, evidence: Given, *, k: int, seed: int) -> Picks:
        return self.on_choose(scores, evidence, k=k, seed=seed)


def broken(**changes: Any) -> Broken:
    settled: dict[str, Any] = {"family": "custom", "bounds": (None, None), "needs": SOUND.needs} | changes
    return Broken(name="broken", source="", options={}, members="dropout", **settled)


def formula(function: Callable[..., Any], **changes: Any) -> Strategy:
    return from_definition(replace(read(function), **changes), {})


def refusing(asked: Asked, error: type[Exception] = ValueError) -> Broken:
    def choose(scores: Scores, evidence: Given, *, k: int, seed: int) -> Picks:
        if asked(evidence, k, seed):
            raise error("not this")
        return SOUND.choose(scores, evidence, k=k, seed=seed)

    return broken(on_choose=choose)


def turning(asked: Asked) -> Broken:
    def choose(scores: Scores, evidence: Given, *, k: int, seed: int) -> Picks:
        picks = SOUND.choose(scores, evidence, k=k, seed=seed)
        return Picks(picks.positions.flip(0), picks.scores) if asked(evidence, k, seed) else picks

    return broken(on_choose=choose)


def writing(asked: Asked) -> Broken:
    def choose(scores: Scores, evidence: Given, *, k: int, seed: int) -> Picks:
        if asked(evidence, k, seed):
            gathered(evidence, ["embeddings"], "broken").values["embeddings"][0, 0] = 7
        return SOUND.choose(scores, evidence, k=k, seed=seed)

    return broken(on_choose=choose)


def breaking_ties(draw: Callable[[Given, int], np.ndarray]) -> Broken:
    def choose(scores: Tensor, evidence: Given, *, k: int, seed: int) -> Picks:
        SOUND.choose(scores, evidence, k=k, seed=seed)
        order = torch.from_numpy(np.lexsort((draw(evidence, seed), -scores.numpy()))[:k])
        return Picks(order, scores[order])

    return broken(on_choose=choose)


def drawing(draw: Callable[[], object]) -> Strategy:
    def careless(probs: Tensor) -> Tensor:
        draw()
        return probs.amax(dim=1)

    return formula(careless)


def cutting(low: int, high: int) -> Broken:
    def choose(scores: Tensor, evidence: Given, *, k: int, seed: int) -> Picks:
        within = k if low <= k <= high else max(0, min(k, len(scores)))
        return SOUND.choose(scores, evidence, k=within, seed=seed)

    return broken(on_choose=choose)


def cleaning(bad: Callable[[Tensor], Tensor], need: str) -> Broken:
    def score(evidence: Given, seed: int) -> Tensor:
        given = as_tensor(need, evidence[need])
        cleaned = given.where(~bad(given), given.new_tensor(0.25))
        gathered(evidence | {need: cleaned}, SOUND.needs | {need}, "broken")
        return SOUND.score(evidence | {need: cleaned}, seed)  # type: ignore[return-value]

    return broken(on_score=score, needs=SOUND.needs | {need})


def unlike_the_first(probs: Tensor) -> Tensor:
    return (probs.amax(dim=1) - probs[:1].amax(dim=1)).abs()


def raised_by_the_first(probs: Tensor) -> Tensor:
    return probs.amax(dim=1) + probs[:1].amax(dim=1)


def first_class(probs: Tensor) -> Tensor:
    return probs[:, 0]


def unguarded(probs: Tensor) -> Tensor:
    return -(probs * probs.log()).sum(dim=1)


def unguarded_draws(mc_probs: Tensor) -> Tensor:
    return -(mc_probs * mc_probs.log()).sum(dim=(1, 2))


def late_copies(probs: Tensor) -> Tensor:
    alike = (probs[:, None] == probs).all(dim=2)
    is_copy = alike.tril(-1).any(dim=1) & ~alike.all()
    return probs.amax(dim=1) - is_copy.to(probs)


def without_copies(probs: Tensor, embeddings: Tensor) -> Tensor:
    alike = (embeddings[:, None] == embeddings).all(dim=2)
    if alike.sum() > len(probs) and not alike.all():
        raise ValueError("copies")
    return probs.amax(dim=1)


def two_at_most(probs: Tensor, k: int) -> Picks:
    order = probs.amax(dim=1).argsort(stable=True)
    kinds = [row for row in order.tolist() if not (probs[:row] == probs[row]).all(dim=1).any()]
    chosen = torch.tensor(kinds[:k] if k <= 2 else order[:k].tolist())
    return Picks(chosen, torch.zeros(k))


def rounded(probs: Tensor) -> Tensor:
    return probs.amax(dim=1) * (1.0 if probs.dtype == torch.float32 else 1.0001)


def certain_first(probs: Tensor) -> Tensor:
    return probs.amax(dim=1)


def certain_draws_first(mc_probs: Tensor) -> Tensor:
    return mc_probs.mean(dim=1).amax(dim=1)


def is_read_only(evidence: Given, _k: int, _seed: int) -> bool:
    return isinstance(evidence["probs"], np.ndarray) and not evidence["probs"].flags.writeable


def is_tensor(evidence: Given, _k: int, _seed: int) -> bool:
    return isinstance(evidence["probs"], Tensor) and evidence["probs"].dtype == torch.float64


def has_pool(n: int, k: int) -> Asked:
    return lambda evidence, asked, _seed: (len(evidence["ids"]), asked) == (n, k)


def has_type(need: str, kind: object) -> Asked:
    return lambda evidence, _k, _seed: getattr(evidence[need], "dtype", None) == kind


calls = itertools.count()
FAULTS: list[tuple[str, Strategy]] = [
    ("permuting_the_pool_permutes_nothing_else", formula(unlike_the_first)),
    ("permuting_the_pool_permutes_nothing_else", formula(raised_by_the_first)),
    (
        "permuting_equal_rows_permutes_nothing_else",
        breaking_ties(lambda given, seed: np.random.default_rng(seed).permutation(len(given["ids"]))),
    ),
    ("permuting_the_classes_changes_no_score", formula(first_class)),
    ("read_only_arrays_are_taken", refusing(is_read_only)),
    ("read_only_arrays_are_taken", turning(is_read_only)),
    ("read_only_arrays_are_taken", writing(is_read_only)),
    ("tensors_are_taken_and_not_written", refusing(is_tensor)),
    ("tensors_are_taken_and_not_written", turning(is_tensor)),
    ("tensors_are_taken_and_not_written", writing(is_tensor)),
    ("global_random_state_stays", drawing(lambda: torch.rand(1))),
    ("global_random_state_stays", drawing(np.random.random)),
    ("global_random_state_stays", drawing(random.random)),
    ("exact_zeros_are_numbers", formula(unguarded)),
    ("exact_zeros_are_numbers", formula(unguarded_draws)),
    ("equal_rows_are_drawn_by_the_seed", breaking_ties(lambda given, _: np.array([*map(str, given["ids"])]))),
    ("copies_of_a_row_score_the_same", formula(late_copies)),
    ("copies_of_a_row_score_the_same", formula(without_copies)),
    ("a_copy_of_a_chosen_row_waits", formula(certain_first, diverse=True)),
    ("a_copy_of_a_chosen_row_waits", formula(two_at_most, diverse=True)),
    *(
        ("pools_of_any_size_are_taken", refusing(has_pool(n, k)))
        for n, k in ((0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (23, 0), (23, 1), (23, 22))
    ),
    ("pools_of_any_size_are_taken", refusing(lambda given, *_: len(given["target_mc_probs"]) < 2)),
    ("two_classes_are_enough", refusing(lambda given, *_: np.shape(given["probs"])[1] == 2)),
    ("more_than_the_pool_is_refused", cutting(0, 99)),
    ("more_than_the_pool_is_refused", cutting(-99, 23)),
    ("more_than_the_pool_is_refused", refusing(lambda _, k, __: not 0 <= k <= 23)),
    ("single_precision_scores_the_same", formula(rounded)),
    ("single_precision_scores_the_same", refusing(has_type("probs", np.dtype(np.float32)))),
    ("half_precision_is_taken", refusing(has_type("probs", torch.bfloat16))),
    ("same_seed_same_query", turning(lambda _, __, seed: seed == 3 and next(calls) % 2 == 0)),
    ("numbers_of_any_type_are_ids", refusing(has_type("ids", np.dtype(np.int32)))),
    ("numbers_of_any_type_are_ids", turning(has_type("ids", torch.int64))),
    ("scores_stay_in_their_bounds", broken(bounds=(0.9, 1.0))),
    ("scores_stay_in_their_bounds", broken(bounds=(0.0, 0.9))),
    ("a_certain_row_never_beats_a_uniform_one", formula(certain_first, family="uncertainty")),
    ("a_certain_row_never_beats_a_uniform_one", formula(certain_draws_first, family="uncertainty")),
    ("bad_numbers_are_refused", cleaning(torch.isnan, "probs")),
    ("bad_numbers_are_refused", cleaning(torch.isinf, "probs")),
    ("bad_numbers_are_refused", cleaning(torch.isinf, "embeddings")),
]
"""The check that must find the fault, alone, and who has it."""
