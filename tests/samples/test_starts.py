from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryloop import samples as tables
from queryloop.errors import OptionsError
from queryloop.options import DataOptions, QueryOptions, StartOptions

from .tables import ids, members, quick, samples, seeds, split


@pytest.mark.parametrize(
    ("size", "total", "count"),
    [(5, 3, 5), (0.5, 11, 6), (0.5, 10, 5), (0.001, 10, 1), (0.999, 10, 10), (1, 10, 1)],
)
def test_a_size_as_a_count(size: float, total: int, count: int) -> None:
    assert tables.count_of(size, total) == count


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(1, 10**6))
def test_a_share_is_at_least_one_and_at_most_all(share: float, total: int) -> None:
    assert 1 <= tables.count_of(share, total) <= total


SIZES: list[tuple[int, float, int, str]] = [
    (50, 50, 5, ""),
    (100, 1, 1, ""),
    (100, 1, 2, "query.size is 1, but after a start of 100 the pool has only 0 of 100"),
    (60, 50, 2, "query.size is 50, but after a start of 60 the pool has only 40 of 100"),
    (60, 50, 1, ""),
    (50, 0.5, 9, ""),
]


@pytest.mark.parametrize(("start", "query", "n_cycles", "message"), SIZES)
def test_sizes_must_fit_the_training_set(start: int, query: float, n_cycles: int, message: str) -> None:
    if not message:
        tables.check_sizes(100, start, QueryOptions(size=query), n_cycles)
        return
    with pytest.raises(OptionsError, match=message):
        tables.check_sizes(100, start, QueryOptions(size=query), n_cycles)


def test_a_start_larger_than_the_training_set_is_refused() -> None:
    splits = split(test=10, seed=0)
    n = len(members(splits, "train"))
    with pytest.raises(OptionsError, match=f"start.size is {n + 1}, but the training set has only {n}"):
        tables.starting_set(samples(), splits, StartOptions(size=n + 1), 0)


@quick
@given(seeds, st.sampled_from(["random", "balanced"]), st.integers(1, 40))
def test_starting_set_is_part_of_the_training_set(seed: int, sampler: str, size: int) -> None:
    splits = split(test=10, seed=seed)
    start = tables.starting_set(samples(), splits, StartOptions(size=size, sampler=sampler), seed)
    assert len(start) == len(set(ids(start))) == size
    assert set(ids(start)) <= members(splits, "train")
    assert start["rank"].tolist() == list(range(1, size + 1))
    assert start["score"].isna().all()


@quick
@given(seeds, st.sampled_from(["random", "balanced"]), st.permutations(range(60)))
def test_starting_set_does_not_depend_on_the_order_of_rows(seed: int, sampler: str, order: list[int]) -> None:
    options, splits = StartOptions(size=13, sampler=sampler), split(test=10, seed=seed)
    usual = tables.starting_set(samples(), splits, options, seed)
    assert ids(tables.starting_set(samples().iloc[order], splits, options, seed)) == ids(usual)


@quick
@given(seeds, st.sampled_from(["random", "balanced"]), st.integers(1, 40))
def test_a_larger_starting_set_begins_with_the_smaller_one(seed: int, sampler: str, size: int) -> None:
    whole, part = (
        tables.starting_set(samples(), split(test=10), StartOptions(size=n, sampler=sampler), seed)
        for n in (41, size)
    )
    assert ids(whole)[:size] == ids(part)


@quick
@given(seeds, st.sets(st.integers(0, 59), min_size=1), st.permutations(range(60)))
def test_labelled_start_is_every_training_sample_with_a_label(
    seed: int, known: set[int], order: list[int]
) -> None:
    some = samples(60, 5)
    some["label"] = some["label"].where([i in known or i >= 60 for i in range(65)])
    splits = tables.split(some, DataOptions(test=None, validation=0), seed)
    options = StartOptions(size=3, sampler="labelled")
    start = tables.starting_set(some, splits, options, seed)
    assert set(ids(start)) == {f"train/{i:06d}" for i in known}
    moved = some.iloc[[*order, *range(60, 65)]]
    assert ids(tables.starting_set(moved, splits, options, seed)) == ids(start)


def test_labelled_start_needs_a_label() -> None:
    none = samples(60, 5)
    none.loc[none["split"] == "train", "label"] = None
    splits = tables.split(none, DataOptions(test=None, validation=0), 0)
    with pytest.raises(OptionsError, match="no label among the 60 training samples"):
        tables.starting_set(none, splits, StartOptions(sampler="labelled"), 0)


@quick
@given(seeds, st.integers(1, 40))
def test_balanced_start_has_as_many_of_each_class(seed: int, size: int) -> None:
    start = tables.starting_set(
        samples(), split(test=1, seed=seed), StartOptions(size=size, sampler="balanced"), seed
    )
    counts = samples().set_index("sample_id").loc[ids(start), "label"].value_counts()
    assert counts.reindex([f"c{i}" for i in range(4)], fill_value=0).agg(np.ptp) <= 1


def test_balanced_start_goes_on_where_a_class_runs_out() -> None:
    rare = samples(20).assign(label=["rare", *["common"] * 19])
    splits = tables.table("splits", rare.assign(split="train")[["sample_id", "split"]])
    start = tables.starting_set(rare, splits, StartOptions(size=10, sampler="balanced"), 0)
    labels = rare.set_index("sample_id").loc[ids(start), "label"]
    assert labels.value_counts().to_dict() == {"common": 9, "rare": 1}
    assert "rare" in labels.tolist()[:2]
