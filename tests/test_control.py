"""Samples drawn at random beside a strategy's choice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queryloop import samples as tables
from queryloop.options import QueryOptions
from queryloop.statistics.control import bounds

quick = settings(max_examples=30)
seeds = st.integers(min_value=0, max_value=2**40)


def pool_of(n: int) -> pd.DataFrame:
    return tables.table("pool_index", {"sample_id": [f"train/{i:06d}" for i in range(n)]})


def ids(table: pd.DataFrame) -> list[str]:
    return table["sample_id"].tolist()


NOTHING = tables.table("labeled_index")


@pytest.mark.parametrize(
    ("size", "share", "n_pool", "parts"),
    [
        (20, 0.1, 100, (18, 2)),
        (24, 0.1, 100, (22, 2)),
        (25, 0.1, 100, (23, 2)),  # 2.5: a half goes to the even number
        (26, 0.1, 100, (23, 3)),
        (5, 0.01, 100, (4, 1)),
        (20, 0.0, 100, (20, 0)),
        (0.5, 0.1, 100, (45, 5)),
        (20, 0.1, 5, (4, 1)),
        (20, 0.1, 1, (0, 1)),
        (20, 0.1, 0, (0, 0)),
    ],
)
def test_a_share_is_rounded_and_at_least_one(
    size: float, share: float, n_pool: int, parts: tuple[int, int]
) -> None:
    options = QueryOptions(size=size, control_share=share)
    assert tables.query_parts(options, NOTHING, pool_of(n_pool)) == parts


@quick
@given(st.integers(0, 12), st.integers(0, 12), seeds)
def test_the_choice_stays_as_it_is_and_nothing_is_asked_twice(n_chosen: int, n: int, seed: int) -> None:
    pool = pool_of(30)
    chosen = tables.query(ids(pool)[5 : 5 + n_chosen], np.linspace(1, 0, n_chosen))
    asked = tables.with_control(chosen, pool, n, seed)
    pd.testing.assert_frame_equal(asked.head(n_chosen)[[*chosen.columns]], chosen)
    assert asked["control"].tolist() == [False] * n_chosen + [True] * n
    assert asked["rank"].tolist() == list(range(1, n_chosen + n + 1))
    assert len({*ids(asked)}) == len(asked)
    assert {*ids(asked)} <= {*ids(pool)}
    turned = tables.with_control(chosen, pool.iloc[::-1], n, seed)
    pd.testing.assert_frame_equal(turned, asked)


def test_the_accuracy_on_what_a_strategy_leaves_is_estimated_without_bias_and_covered() -> None:
    """The strategy takes samples that the network gets wrong: of the others it is right on 35 in 50."""
    pool, right = pool_of(60), np.arange(60) >= 25
    chosen, left = tables.query(ids(pool)[:10]), 35
    is_right = dict(zip(ids(pool), right, strict=True))
    draws = [tables.with_control(chosen, pool, 8, seed) for seed in range(150)]
    counts = np.array([sum(is_right[i] for i in ids(asked.tail(8))) for asked in draws])
    error = counts.std() / np.sqrt(len(counts))
    assert abs(counts.mean() - 8 * left / 50) < 4 * error
    ends = np.array([bounds(x, 8, 50) for x in range(9)])[counts]
    assert ((ends[:, 0] <= left) & (left <= ends[:, 1])).mean() >= 0.95


def run(n_cycles: int, seed: int, n_pool: int = 60, start: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labelled set and pool after queries of 4 samples from the front of the pool and 2 of control."""
    pool = pool_of(n_pool)
    labeled = pool.head(start).assign(cycle=1, rank=range(1, start + 1), control=False)
    for cycle in range(2, n_cycles + 2):
        pool = tables.pool_without(pool, labeled)
        asked = tables.with_control(tables.query(ids(pool)[:4]), pool, 2, seed).assign(cycle=cycle)
        labeled = pd.concat([labeled, asked], ignore_index=True)
    return labeled, tables.pool_without(pool, labeled)


@settings(max_examples=6)
@given(seeds, st.integers(1, 6))
def test_all_control_samples_together_begin_one_order(seed: int, n_cycles: int) -> None:
    labeled, pool = run(n_cycles, seed)
    sample = tables.random_sample(labeled, pool, "random", seed)
    assert {*ids(labeled[labeled["control"]])} <= {*ids(sample)}
    whole = tables.with_control(tables.query([]), pool_of(60), 60, seed)
    assert ids(sample) == ids(whole)[: len(sample)]
    assert ids(whole)[len(sample)] in ids(pool)


def test_a_random_sample_holds_what_a_strategy_took_as_often_as_the_rest() -> None:
    """Samples at the front of the pool are taken first, and are in the sample no less for that."""
    counts = pd.Series(0, index=ids(pool_of(60)))
    for seed in range(20):
        counts[ids(tables.random_sample(*run(4, seed), "random", seed))] += 1
    front, back = counts.iloc[:16], counts.iloc[16:]
    share = counts.sum() / 20 / 60
    deviation = np.sqrt(20 * share * (1 - share) / 16)
    assert abs(front.mean() - back.mean()) < 4 * deviation


def test_a_starting_set_that_was_drawn_at_random_is_a_sample_of_its_own() -> None:
    labeled, pool = run(6, 0, start=10)
    assert not (tables.random_sample(labeled, pool, "random", 0)["cycle"] == 1).any()
    assert (tables.random_sample(labeled, pool, "balanced", 0)["cycle"] == 1).any()


@pytest.mark.parametrize("sampler", ["random", "balanced"])
def test_both_ways_get_as_many_labels_and_nothing_held_out(sampler: str) -> None:
    labeled, pool = run(6, 1, start=5)
    control = tables.random_sample(labeled, pool, sampler, 1)
    held_out = control.iloc[::3]
    random, asked = tables.as_many_each(labeled, control, held_out, sampler)
    start = ids(labeled.head(5))
    assert len(random) == len(asked) > 5
    for either in (random, asked):
        assert len({*ids(either)}) == len(either)
        assert not {*ids(either)} & {*ids(held_out)}
    assert (ids(random)[:5] == start) == (sampler == "random")
    assert not asked["control"].any()
    assert asked["cycle"].is_monotonic_increasing


def test_the_starting_set_has_neither_control_nor_prediction() -> None:
    start = tables.asked(NOTHING, tables.query(["a", "b"]), "margin")
    answers = tables.table(
        "answers", {"sample_id": ["a", "b"], "label": "x", "labeled_at": pd.Timestamp(0, tz="UTC")}
    )
    labeled = tables.resolve_labels(start, answers)
    query = tables.query(["c", "d"]).assign(control=[False, True], predicted=["x", "y"])
    both = tables.table("labeled_index", tables.asked(labeled, query, "margin"))
    assert both["control"].tolist() == [False, False, False, True]
    assert both["predicted"].isna().tolist() == [True, True, False, False]
