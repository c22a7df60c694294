from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryloop import samples as tables
from queryloop.errors import StateError

from .tables import answers, asked, ids, quick, samples, seeds

POOL = tables.table("pool_index", samples(200)[["sample_id"]])


@quick
@given(seeds, st.integers(0, 50), st.integers(1, 199))
def test_candidates_are_that_many_of_the_pool_in_its_order(seed: int, cycle: int, n: int) -> None:
    drawn = ids(tables.candidates(POOL, n, seed, cycle))
    assert len(drawn) == n
    assert drawn == [i for i in ids(POOL) if i in set(drawn)]


@pytest.mark.parametrize("n", [None, 200, 500])
def test_without_a_limit_every_sample_is_a_candidate(n: int | None) -> None:
    assert ids(tables.candidates(POOL, n, 0, 0)) == ids(POOL)


@quick
@given(seeds, st.permutations(range(200)), st.integers(1, 199))
def test_candidates_do_not_depend_on_the_order_of_the_pool(seed: int, order: list[int], n: int) -> None:
    usual = tables.candidates(POOL, n, seed, 1)
    assert set(ids(tables.candidates(POOL.iloc[order], n, seed, 1))) == set(ids(usual))


@quick
@given(seeds, st.integers(1, 100), st.integers(0, 99))
def test_a_candidate_stays_one_while_the_pool_shrinks(seed: int, n: int, n_gone: int) -> None:
    before = tables.candidates(POOL, n, seed, 1)
    after = tables.candidates(POOL.iloc[n_gone:].reset_index(drop=True), n, seed, 1)
    assert set(ids(before)) - set(ids(POOL)[:n_gone]) <= set(ids(after))


def test_candidates_are_drawn_anew_each_cycle() -> None:
    assert ids(tables.candidates(POOL, 50, 0, 1)) != ids(tables.candidates(POOL, 50, 0, 2))


def test_newest_answer_wins_and_order_is_that_of_asking() -> None:
    log = answers(("b", "old"), ("a", "1"), ("c", "unasked"), ("b", "new"))
    labeled = tables.resolve_labels(asked("b", "a"), log)
    assert labeled[["sample_id", "label", "rank", "cycle"]].to_numpy().tolist() == [
        ["b", "new", 1, 1],
        ["a", "1", 2, 1],
    ]
    assert labeled.dtypes.astype(str).to_dict() == tables.COLUMNS["labeled_index"]


@quick
@given(st.lists(st.tuples(st.sampled_from("abc"), st.text("xyz", min_size=1, max_size=2)), min_size=1))
def test_each_sample_has_one_row_with_its_last_answer(given_: list[tuple[str, str]]) -> None:
    last = dict(given_)
    labeled = tables.resolve_labels(asked(*last), answers(*given_))
    assert dict(zip(labeled["sample_id"], labeled["label"], strict=True)) == last
    assert len(labeled) == len(last)


def test_a_missing_answer_is_refused_by_name() -> None:
    with pytest.raises(StateError, match="2 samples were asked for but have no answer: b, c"):
        tables.resolve_labels(asked("a", "b", "c"), answers(("a", "1")))


def test_asking_again_keeps_who_asked_when() -> None:
    labeled = tables.resolve_labels(asked("a", "b"), answers(("a", "1"), ("b", "1")))
    both = tables.asked(labeled, tables.query(["c"], np.array([0.5])), "margin")
    assert both.to_numpy().tolist()[-1] == ["c", 2, 1, 0.5, "margin"]
    assert both["strategy"].tolist() == ["entropy", "entropy", "margin"]
    assert tables.next_cycle(labeled) == 2
    assert tables.next_cycle(tables.table("labeled_index")) == 1


@quick
@given(st.sets(st.integers(0, 59)))
def test_pool_is_what_is_not_labelled(taken: set[int]) -> None:
    labeled = samples().iloc[sorted(taken)]
    pool = tables.pool_without(samples()[["sample_id"]], labeled)
    assert ids(pool) == [i for n, i in enumerate(ids(samples())) if n not in taken]
    assert pool.index.tolist() == list(range(60 - len(taken)))


def test_query_seeds_differ_by_seed_and_cycle() -> None:
    empty = tables.table("labeled_index")
    first = tables.resolve_labels(asked("a"), answers(("a", "1")))
    assert len({tables.query_seed(seed, labeled) for seed in (0, 1) for labeled in (empty, first)}) == 4
