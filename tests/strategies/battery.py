"""What every strategy promises, once for all of them: each check takes a strategy and asserts one promise."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from queryloop.errors import NonFiniteError
from queryloop.strategies import Strategy

from .made_up import as_leaf, each, each_array, example, half, numbers_of, with_rows

Check = Callable[[Strategy], None]


def query(strategy: Strategy, evidence: Mapping[str, Any], k: int, seed: int = 0) -> list[Any]:
    """The ids that a strategy asks for, by the two steps of the pipeline."""
    scores = strategy.score(evidence, seed)
    picks = strategy.choose(scores, evidence, k=k, seed=seed)
    assert picks.positions.shape == picks.scores.shape == (k,)
    return [evidence["ids"][position] for position in picks.positions.tolist()]


def permuting_the_pool_permutes_nothing_else(strategy: Strategy) -> None:
    evidence = example()
    rows = np.random.default_rng(1).permutation(23)
    assert query(strategy, with_rows(evidence, rows), 9) == query(strategy, evidence, 9)
    if strategy.is_scorer:
        torch.testing.assert_close(
            strategy.score(with_rows(evidence, rows), 0), strategy.score(evidence, 0)[rows], rtol=0, atol=0
        )


def permuting_equal_rows_permutes_nothing_else(strategy: Strategy) -> None:
    evidence = with_rows(example(), [0] * 23, example()["ids"])
    rows = np.random.default_rng(1).permutation(23)
    assert query(strategy, with_rows(evidence, rows), 9) == query(strategy, evidence, 9)


def read_only_arrays_are_taken(strategy: Strategy) -> None:
    evidence = example()
    each_array(evidence, lambda array: array.setflags(write=False))
    assert query(strategy, evidence, 9) == query(strategy, example(), 9)
    assert_unwritten(evidence)


def tensors_are_taken_and_not_written(strategy: Strategy) -> None:
    evidence = example()
    tensors = {name: each(as_leaf, value) for name, value in evidence.items()}
    assert query(strategy, tensors, 9) == query(strategy, evidence, 9)
    assert_unwritten(tensors)


def global_random_state_stays(strategy: Strategy) -> None:
    before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
    query(strategy, example(), 9)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (str(np.random.get_state()), random.getstate())  # noqa: NPY002


def exact_zeros_are_numbers(strategy: Strategy) -> None:
    evidence = example()
    evidence["probs"][::2] = np.eye(4)[np.arange(12) % 4]
    evidence["mc_probs"][::2] = np.eye(4)[np.arange(12) % 4][:, None]
    assert len(set(query(strategy, evidence, 23))) == 23


def equal_rows_are_chosen_once_each(strategy: Strategy) -> None:
    evidence = with_rows(example(), [0] * 23, example()["ids"])
    queries = {tuple(query(strategy, evidence, 9, seed)) for seed in range(8)}
    assert all(len(set(ids)) == 9 for ids in queries)
    assert len(queries) > 1, "ties must be drawn by the seed"


def copies_of_a_row_score_the_same(strategy: Strategy) -> None:
    evidence = with_rows(example(), [*range(23), *range(23)], [f"copy/{row}" for row in range(46)])
    assert len(set(query(strategy, evidence, 20))) == 20
    if strategy.is_scorer and not getattr(strategy, "draws", True):
        scores = strategy.score(evidence, 0)
        assert torch.equal(scores[:23], scores[23:])


def one_sample_is_a_pool(strategy: Strategy) -> None:
    evidence = with_rows(example(), [5])
    assert query(strategy, evidence, 1) == evidence["ids"]


def two_classes_are_enough(strategy: Strategy) -> None:
    assert len(set(query(strategy, example(classes=2), 9))) == 9


def nothing_asked_nothing_chosen(strategy: Strategy) -> None:
    assert query(strategy, example(), 0) == []


def everything_asked_everything_chosen(strategy: Strategy) -> None:
    assert sorted(query(strategy, example(), 23)) == sorted(example()["ids"])


def an_empty_pool_has_an_empty_query(strategy: Strategy) -> None:
    assert query(strategy, with_rows(example(), []), 0) == []


def single_precision_scores_the_same(strategy: Strategy) -> None:
    if strategy.is_scorer:
        single, double = (strategy.score(example(dtype=dtype), 0) for dtype in (np.float32, np.float64))
        torch.testing.assert_close(single.double(), double.double(), rtol=1e-5, atol=1e-5)
    assert len(set(query(strategy, example(dtype=np.float32), 9))) == 9


def half_precision_is_taken(strategy: Strategy) -> None:
    evidence = example(dtype=np.float32)
    halves = {name: each(half, value) for name, value in evidence.items()}
    assert len(set(query(strategy, halves, 9))) == 9


def same_seed_same_query(strategy: Strategy) -> None:
    assert query(strategy, example(), 9, seed=3) == query(strategy, example(), 9, seed=3)


def any_ids_give_the_same_scores(strategy: Strategy) -> None:
    for ids in (list(range(100, 123)), np.arange(100, 123, dtype=np.int32), torch.arange(100, 123)):
        assert query(strategy, example() | {"ids": ids}, 9) == query(
            strategy, example() | {"ids": list(range(100, 123))}, 9
        )


def scores_stay_in_their_bounds(strategy: Strategy) -> None:
    low, high = strategy.bounds
    scores = strategy.score(example(n=200), 0) if strategy.is_scorer else torch.empty(0)
    assert low is None or (scores >= low - 1e-6).all()
    assert high is None or (scores <= high + 1e-6).all()


def a_certain_row_never_beats_a_uniform_one(strategy: Strategy) -> None:
    if strategy.family != "uncertainty":
        return
    evidence = with_rows(example(), range(2))
    evidence["probs"] = np.array([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
    evidence["mc_probs"] = np.repeat(evidence["probs"][:, None], 6, axis=1)
    assert query(strategy, evidence, 2)[0] == evidence["ids"][1]


def bad_numbers_are_refused(strategy: Strategy) -> None:
    for need in strategy.needs - {"ids", "labels", "true_labels", "val_correct", "n_classes", "progress"}:
        for bad in (np.nan, np.inf):
            evidence = example()
            each_array(
                {need: evidence[need]}, lambda array, bad=bad: array.__setitem__((0,) * array.ndim, bad)
            )
            with pytest.raises(NonFiniteError, match=need.split("[")[0]):
                query(strategy, evidence, 9)


def assert_unwritten(evidence: Mapping[str, Any]) -> None:
    for name, value in example().items():
        assert numbers_of(evidence[name]) == numbers_of(value), f"{name} was written to"


CHECKS: list[Check] = [
    permuting_the_pool_permutes_nothing_else,
    permuting_equal_rows_permutes_nothing_else,
    read_only_arrays_are_taken,
    tensors_are_taken_and_not_written,
    global_random_state_stays,
    exact_zeros_are_numbers,
    equal_rows_are_chosen_once_each,
    copies_of_a_row_score_the_same,
    one_sample_is_a_pool,
    two_classes_are_enough,
    nothing_asked_nothing_chosen,
    everything_asked_everything_chosen,
    an_empty_pool_has_an_empty_query,
    single_precision_scores_the_same,
    half_precision_is_taken,
    same_seed_same_query,
    any_ids_give_the_same_scores,
    scores_stay_in_their_bounds,
    a_certain_row_never_beats_a_uniform_one,
    bad_numbers_are_refused,
]
