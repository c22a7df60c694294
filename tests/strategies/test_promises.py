"""The tools of the battery: what they let pass and what they find."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from queryloop.errors import InputError
from queryloop.strategies import Picks
from queryloop.strategies.made_up import each, example
from queryloop.strategies.promises import close, promise, query, refused, same, unwritten

from .broken import Broken, broken, refusing


def picking(*rows: int, scores: int | None = None) -> Broken:
    picks = Picks(torch.tensor(rows), torch.zeros(len(rows) if scores is None else scores))
    return broken(on_choose=lambda *_, **__: picks)


def test_a_promise_is_kept_by_whatever_is_true() -> None:
    promise([1], "never told")
    with pytest.raises(AssertionError, match=r"^told$"):
        promise([], "told")


def test_a_query_gives_ids_in_the_order_of_the_picks() -> None:
    assert query(picking(4, 1), example(), 2) == [example()["ids"][4], example()["ids"][1]]


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        (picking(1), "2 were asked for: 1 came"),
        (picking(1, 2, 3), "2 were asked for: 3 came"),
        (picking(1, 2, scores=1), "2 were asked for: 2 came"),
        (picking(1, 1), "an id came twice"),
    ],
)
def test_a_query_that_is_none_breaks_its_promise(strategy: Broken, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        query(strategy, example(), 2)


def test_score_and_choice_get_the_same_seed() -> None:
    seeds = []

    def choose(scores: Tensor, evidence: Any, *, k: int, seed: int) -> Picks:
        seeds.append(seed)
        return Picks(torch.arange(k), scores[:k])

    def score(evidence: Any, seed: int) -> Tensor:
        seeds.append(seed)
        return torch.zeros(23)

    query(broken(on_score=score, on_choose=choose), example(), 2, seed=5)
    assert seeds == [5, 5]


def test_the_same_ids_may_be_of_another_type_but_not_in_another_order() -> None:
    same([1, 2], ["1", "2"], "never told")
    for other in ([2, 1], [1], [1, 2, 3]):
        with pytest.raises(AssertionError, match=re.escape(f"on Sundays: [1, 2] became {other}")):
            same([1, 2], other, "on Sundays")


@pytest.mark.parametrize(
    ("first", "second", "tolerance", "kept"),
    [
        (1.0, 1.0, 0.0, True),
        (1.0, 1.0 + 1e-9, 0.0, False),
        (1e-9, 0.0, 0.0, False),
        (1000.0, 1000.009, 1e-5, True),
        (1000.0, 1000.02, 1e-5, False),
        (0.0, 9e-6, 1e-5, True),
        (0.0, 2e-5, 1e-5, False),
    ],
)
def test_close_is_within_the_tolerance(first: float, second: float, tolerance: float, kept: bool) -> None:
    pair = [torch.tensor([0.5, value], dtype=torch.float64) for value in (first, second)]
    if kept:
        close(*pair, tolerance, "never told")
    else:
        with pytest.raises(
            AssertionError, match=f"on Sundays: scores differ by up to {abs(second - first):.2g}"
        ):
            close(*pair, tolerance, "on Sundays")


def test_a_refusal_is_the_error_that_was_promised() -> None:
    refusal = refusing(lambda _, k, __: k == 3, InputError)
    refused(refusal, example(), 3, InputError, "never told")
    with pytest.raises(AssertionError, match="k = 2 was not refused"):
        refused(refusal, example(), 2, InputError, "k = 2")
    with pytest.raises(InputError, match="not this"):
        refused(refusal, example(), 3, OverflowError, "never told")


@pytest.mark.parametrize("kind", [lambda part: part, torch.as_tensor])
def test_whatever_was_written_is_found(kind: Callable[[Any], Any]) -> None:
    evidence = {name: each(kind, value) for name, value in example().items()}
    unwritten(evidence)
    evidence["head"][1][2] += 1
    with pytest.raises(AssertionError, match="head was written to"):
        unwritten(evidence)
