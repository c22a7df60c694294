"""What every strategy promises, as checks that anyone's strategy can be put through."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from queryloop.errors import FaultyStrategyError, InputError, NonFiniteError, OptionsError
from queryloop.strategies.kinds import Strategy
from queryloop.strategies.made_up import (
    as_leaf,
    each,
    each_array,
    example,
    half,
    with_classes,
    with_rows,
)
from queryloop.strategies.promises import close, promise, query, refused, same, unwritten
from queryloop.strategies.selection import resolved

Check = Callable[[Strategy], None]


def check_strategy(strategy: str | Callable[..., Any] | Strategy, /, **options: Any) -> None:
    """Put a strategy through every check: it passes, or is told all that is wrong with it.

    strategy: a name, a function with the signature of one, or what `resolve` returned. Raises
    FaultyStrategyError with one line for each check that failed, OptionsError for unknown options and for
    options beside what was resolved, which has its own.
    """
    if isinstance(strategy, Strategy) and options:
        raise OptionsError(f"`{strategy.name}` is resolved already: give its options to `resolve`.")
    subject = strategy if isinstance(strategy, Strategy) else resolved(strategy, options)
    faults = [fault for check in CHECKS if (fault := _fault(check, subject))]
    if faults:
        raise FaultyStrategyError(f"`{subject.name}` fails {len(faults)} checks:\n" + "\n".join(faults))


def _fault(check: Check, strategy: Strategy) -> str | None:
    try:
        check(strategy)
    except Exception as error:  # whatever a stranger's code raises is a finding
        return f"- {check.__name__}: {type(error).__name__}: {error}"
    return None


def permuting_the_pool_permutes_nothing_else(strategy: Strategy) -> None:
    evidence, rows = example(), np.random.default_rng(1).permutation(23)
    permuted = with_rows(evidence, rows)
    same(query(strategy, evidence), query(strategy, permuted), "with the pool in another order")
    before, after = strategy.score(evidence, 0), strategy.score(permuted, 0)
    if before is not None and after is not None:
        close(before[rows], after, 0, "with the pool in another order")


def permuting_equal_rows_permutes_nothing_else(strategy: Strategy) -> None:
    evidence = with_rows(example(), [0] * 23, example()["ids"])
    permuted = with_rows(evidence, np.random.default_rng(1).permutation(23))
    same(query(strategy, evidence), query(strategy, permuted), "with equal rows in another order")


def permuting_the_classes_changes_no_score(strategy: Strategy) -> None:
    before = None if strategy.draws else strategy.score(example(), 0)
    if before is not None:
        after = strategy.score(with_classes(example(), [2, 0, 3, 1]), 0)
        assert after is not None
        close(before, after, 1e-9, "with the classes in another order")


def read_only_arrays_are_taken(strategy: Strategy) -> None:
    evidence = example()
    each_array(evidence, lambda array: array.setflags(write=False))
    same(query(strategy, evidence), query(strategy, example()), "with read-only arrays")
    unwritten(evidence)


def tensors_are_taken_and_not_written(strategy: Strategy) -> None:
    tensors = {name: each(as_leaf, value) for name, value in example().items()}
    same(query(strategy, tensors), query(strategy, example()), "with tensors that want gradients")
    unwritten(tensors)


def global_random_state_stays(strategy: Strategy) -> None:
    before = torch.get_rng_state(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
    query(strategy, example())
    promise(torch.equal(before[0], torch.get_rng_state()), "torch's global generator was used")
    promise(before[1] == str(np.random.get_state()), "numpy's global generator was used")  # noqa: NPY002
    promise(before[2] == random.getstate(), "Python's global generator was used")


def exact_zeros_are_numbers(strategy: Strategy) -> None:
    evidence = example()
    evidence["probs"][::2] = np.eye(4)[np.arange(12) % 4]
    evidence["mc_probs"][::2] = np.eye(4)[np.arange(12) % 4][:, None]
    query(strategy, evidence, 23)


def equal_rows_are_drawn_by_the_seed(strategy: Strategy) -> None:
    evidence = with_rows(example(), [0] * 23, example()["ids"])
    first = query(strategy, evidence)
    others = (query(strategy, evidence, seed=seed) for seed in range(1, 8))
    promise(any(other != first for other in others), "eight seeds choose the same of 23 equal rows")


def copies_of_a_row_score_the_same(strategy: Strategy) -> None:
    evidence = with_rows(example(), [*range(23), *range(23)], [f"copy/{row}" for row in range(46)])
    query(strategy, evidence, 20)
    scores = None if strategy.draws else strategy.score(evidence, 0)
    if scores is not None:
        close(scores[:23], scores[23:], 0, "with each row twice")


def a_copy_of_a_chosen_row_waits(strategy: Strategy) -> None:
    if not strategy.diverse:
        return
    evidence = with_rows(
        example(), [*range(8)] * 3, [f"{copy}/{row}" for copy in range(3) for row in range(8)]
    )
    for k in (2, 8):
        rows = [key.split("/")[1] for key in query(strategy, evidence, k)]
        promise(len(set(rows)) == k, f"of 8 rows, three times each, {k} picks were rows {rows}")


def pools_of_any_size_are_taken(strategy: Strategy) -> None:
    for n, k in ((0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (23, 0), (23, 1), (23, 22), (23, 23)):
        evidence = with_rows(example(), range(n))
        evidence["target_mc_probs"] = evidence["target_mc_probs"][:n]  # they are drawn from the pool
        query(strategy, evidence, k)


def two_classes_are_enough(strategy: Strategy) -> None:
    query(strategy, example(classes=2))


def more_than_the_pool_is_refused(strategy: Strategy) -> None:
    for k in (24, -1):
        refused(strategy, example(), k, InputError, f"k = {k} of 23")


def single_precision_scores_the_same(strategy: Strategy) -> None:
    single, double = (strategy.score(example(dtype=dtype), 0) for dtype in (np.float32, np.float64))
    if single is not None and double is not None:
        close(single, double, 1e-5, "in float32 and float64")
    query(strategy, example(dtype=np.float32))


def half_precision_is_taken(strategy: Strategy) -> None:
    evidence = example(dtype=np.float32)
    query(strategy, {name: each(half, value) for name, value in evidence.items()})


def same_seed_same_query(strategy: Strategy) -> None:
    same(query(strategy, example(), seed=3), query(strategy, example(), seed=3), "the second time")


def numbers_of_any_type_are_ids(strategy: Strategy) -> None:
    plain = query(strategy, example() | {"ids": list(range(100, 123))})
    for ids in (np.arange(100, 123, dtype=np.int32), torch.arange(100, 123)):
        found = [int(key) for key in query(strategy, example() | {"ids": ids})]
        same(plain, found, f"with ids as {type(ids).__name__}")


def scores_stay_in_their_bounds(strategy: Strategy) -> None:
    (low, high), scores = strategy.bounds, strategy.score(example(n=200), 0)
    if scores is not None:
        promise(low is None or scores.min() >= low - 1e-6, f"a score of {scores.min():.6g} is below {low}")
        promise(high is None or scores.max() <= high + 1e-6, f"a score of {scores.max():.6g} is above {high}")


def a_certain_row_never_beats_a_uniform_one(strategy: Strategy) -> None:
    if strategy.family != "uncertainty":
        return
    evidence = with_rows(example(), range(2))
    evidence["probs"] = np.array([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])
    evidence["mc_probs"][:] = evidence["probs"][:, None]
    promise(query(strategy, evidence, 2)[0] == evidence["ids"][1], "the certain row came first")


def bad_numbers_are_refused(strategy: Strategy) -> None:
    for need in strategy.needs - {"ids", "labels", "true_labels", "val_correct", "n_classes", "progress"}:
        for bad in (np.nan, np.inf):
            evidence = example()
            each_array({need: evidence[need]}, lambda array, bad=bad: _spoil(array, bad))  # type: ignore[misc]
            refused(strategy, evidence, 9, NonFiniteError, f"{bad} in {need}")


def _spoil(array: np.ndarray, bad: float) -> None:
    array[(0,) * array.ndim] = bad


CHECKS: list[Check] = [
    permuting_the_pool_permutes_nothing_else,
    permuting_equal_rows_permutes_nothing_else,
    permuting_the_classes_changes_no_score,
    read_only_arrays_are_taken,
    tensors_are_taken_and_not_written,
    global_random_state_stays,
    exact_zeros_are_numbers,
    equal_rows_are_drawn_by_the_seed,
    copies_of_a_row_score_the_same,
    a_copy_of_a_chosen_row_waits,
    pools_of_any_size_are_taken,
    two_classes_are_enough,
    more_than_the_pool_is_refused,
    single_precision_scores_the_same,
    half_precision_is_taken,
    same_seed_same_query,
    numbers_of_any_type_are_ids,
    scores_stay_in_their_bounds,
    a_certain_row_never_beats_a_uniform_one,
    bad_numbers_are_refused,
]
