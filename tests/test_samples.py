from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queryloop import samples as tables
from queryloop.errors import OptionsError, StateError
from queryloop.experiment import settings_of
from queryloop.options import DataOptions, QueryOptions, StartOptions
from queryloop.parsing import parse

seeds = st.integers(min_value=0, max_value=2**40)
quick = settings(max_examples=30, deadline=None)


def samples(n_train: int = 60, n_test: int = 0, n_classes: int = 4) -> pd.DataFrame:
    train = [(f"train/{i:06d}", f"c{i % n_classes}", "train") for i in range(n_train)]
    test = [(f"test/{i:06d}", f"c{i % n_classes}", "test") for i in range(n_test)]
    return tables.table("samples", train + test)


def ids(table: pd.DataFrame) -> list[str]:
    return table["sample_id"].tolist()


def members(splits: pd.DataFrame, name: str) -> set[str]:
    return set(tables.ids_in(splits, name))


def split(n: int = 60, n_test: int = 0, *, seed: int = 0, **options: object) -> pd.DataFrame:
    return tables.split(samples(n, n_test), DataOptions.model_validate(options), seed)


@pytest.mark.parametrize("name", tables.COLUMNS)
def test_an_empty_table_has_its_columns_and_types(name: str) -> None:
    found = tables.table(name)
    assert found.dtypes.astype(str).to_dict() == tables.COLUMNS[name]
    assert found.empty


def test_a_table_ignores_other_columns_and_order() -> None:
    found = tables.table("query", {"score": [0.5], "other": [1], "rank": ["1"], "sample_id": ["a"]})
    assert found.dtypes.astype(str).to_dict() == tables.COLUMNS["query"]
    assert found.to_numpy().tolist() == [["a", 1, 0.5]]


def test_a_table_without_a_column_it_needs_is_refused() -> None:
    with pytest.raises((ValueError, TypeError)):
        tables.table("query", {"sample_id": ["a"], "score": [0.5]})


@quick
@given(st.integers(1, 40), st.integers(0, 15), seeds)
def test_splits_cover_every_sample_once(n_test: int, n_validation: int, seed: int) -> None:
    splits = split(test=n_test, validation=n_validation, seed=seed)
    assert ids(splits) == ids(samples())
    counts = splits["split"].value_counts().to_dict()
    expected = {"test": n_test, "validation": n_validation, "train": 60 - n_test - n_validation}
    assert counts == {name: n for name, n in expected.items() if n}


@quick
@given(seeds, st.permutations(range(60)))
def test_splits_do_not_depend_on_the_order_of_rows(seed: int, order: list[int]) -> None:
    options = DataOptions(test=0.3, validation=7)
    usual = tables.split(samples(), options, seed).set_index("sample_id")["split"]
    mixed = tables.split(samples().iloc[order], options, seed).set_index("sample_id")["split"]
    assert mixed.loc[usual.index].tolist() == usual.tolist()


@quick
@given(seeds, st.integers(1, 25), st.integers(1, 25))
def test_a_larger_test_set_holds_the_smaller_one(seed: int, one: int, other: int) -> None:
    small, large = (split(test=n, seed=seed) for n in sorted((one, other)))
    assert members(small, "test") <= members(large, "test")


@quick
@given(seeds, st.integers(0, 25), st.integers(0, 25))
def test_validation_does_not_move_the_test_set(seed: int, one: int, other: int) -> None:
    few, many = (split(test=10, validation=n, seed=seed) for n in sorted((one, other)))
    assert members(few, "test") == members(many, "test")
    assert members(few, "validation") <= members(many, "validation")


@quick
@given(seeds, st.integers(2, 25), st.permutations(range(60)))
def test_transfer_takes_half_of_validation_whatever_the_order_of_rows(
    seed: int, n: int, order: list[int]
) -> None:
    whole = split(test=10, validation=n, seed=seed)
    options = DataOptions(test=10, validation=n, transfer=0.5)
    halved, mixed = (tables.split(rows, options, seed) for rows in (samples(), samples().iloc[order]))
    for name in ("train", "test"):
        assert members(halved, name) == members(whole, name)
    assert members(halved, "validation") | members(halved, "transfer") == members(whole, "validation")
    assert abs(len(members(halved, "transfer")) - n / 2) <= 0.5
    assert members(halved, "transfer") == members(mixed, "transfer")


def test_seeds_split_differently() -> None:
    assert members(split(test=10), "test") != members(split(test=10, seed=1), "test")


def test_own_test_set_is_taken_whole() -> None:
    splits = split(60, 20, validation=5)
    assert members(splits, "test") == {f"test/{i:06d}" for i in range(20)}
    assert len(members(splits, "train")) == 55


@pytest.mark.parametrize(("own", "alike"), [(20, None), (0, 0.2)])
def test_auto_is_the_own_test_set_or_else_a_fifth(own: int, alike: float | None) -> None:
    assert split(60, own, test="auto").equals(split(60, own, test=alike))


def test_a_number_of_an_own_test_set_leaves_the_rest_unused_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    splits = split(60, 20, test=5)
    assert len(members(splits, "test")) == 5
    assert len(members(splits, "unused")) == 15
    assert len(members(splits, "train")) == 60
    assert "data.test:5 takes part of the 20 samples to test on" in caplog.text


def test_a_share_is_of_data_sets_without_an_own_test_set(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "queryloop"):
        assert split(60, 20, test=0.25).equals(split(60, 20))
    assert "says which 20 samples to test on: data.test:0.25 draws no others" in caplog.text


def scans(n_patients: int = 15, n_visits: int = 4) -> pd.DataFrame:
    rows = [(f"p{i // n_visits}_v{i % n_visits}", "", "train") for i in range(n_patients * n_visits)]
    return tables.table("samples", rows)


def patients(splits: pd.DataFrame, name: str) -> set[str]:
    return set(tables.ids_in(splits, name).str.split("_").str[0])


@quick
@given(seeds, st.integers(1, 25), st.integers(0, 15), st.permutations(range(60)))
def test_no_patient_is_in_two_parts(seed: int, n_test: int, n_validation: int, order: list[int]) -> None:
    options = DataOptions(test=n_test, validation=n_validation, patient=r"(p\d+)_")
    splits = tables.split(scans(), options, seed)
    parts = [patients(splits, name) for name in ("test", "validation", "train")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 15
    for name, n in (("test", n_test), ("validation", n_validation)):
        assert 0 <= len(members(splits, name)) - n < 4
    mixed = tables.split(scans().iloc[order], options, seed)
    assert members(mixed, "test") == members(splits, "test")


def test_training_rows_of_a_patient_in_the_own_test_set_are_left_out() -> None:
    rows = scans().assign(split=["test" if i % 4 == 0 and i < 8 else "train" for i in range(60)])
    splits = tables.split(rows, DataOptions(patient="(.*)_"), 0)
    assert members(splits, "test") == {"p0_v0", "p1_v0"}
    assert members(splits, "unused") == {f"p{i}_v{j}" for i in range(2) for j in range(1, 4)}


def test_a_rule_that_each_sample_is_a_patient_changes_nothing() -> None:
    options = [DataOptions(test=0.3, validation=7, patient=rule) for rule in (None, "(.*)")]
    usual, ruled = (tables.split(samples(), given, 3) for given in options)
    assert ruled.equals(usual)


def test_ids_without_patient_are_named() -> None:
    with pytest.raises(OptionsError, match=r"finds no patient in 4 of 60 ids: p0_v0, p0_v1, p0_v2, p0_v3\."):
        tables.split(scans(), DataOptions(test=5, patient="p([1-9][0-9]*)_"), 0)


REFUSED: list[tuple[dict[str, object], str]] = [
    ({}, "no test set of its own"),
    ({"test": 61}, "data.test is 61, but only 60"),
    ({"test": 50, "validation": 11}, "data.validation is 11, but only 10"),
    ({"test": 50, "validation": 5, "transfer": 6}, "data.transfer is 6, but only 5"),
    (
        {"test": 50, "validation": 1, "transfer": 0.5},
        "data.transfer:0.5 takes all 1 samples of data.validation:1",
    ),
    ({"test": 50, "validation": 10}, "leave none of 60"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_a_split_that_cannot_be_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        split(**options)


@pytest.mark.parametrize(
    ("size", "total", "count"),
    [(5, 3, 5), (0.5, 11, 6), (0.5, 10, 5), (0.001, 10, 1), (0.999, 10, 10), (1, 10, 1)],
)
def test_a_size_as_a_count(size: float, total: int, count: int) -> None:
    assert tables.count_of(size, total) == count


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(1, 10**6))
def test_a_share_is_at_least_one_and_at_most_all(share: float, total: int) -> None:
    assert 1 <= tables.count_of(share, total) <= total


SIZES: list[tuple[float, float, int, str]] = [
    (50, 50, 5, ""),
    (100, 1, 1, ""),
    (100, 1, 2, "query.size is 1, but after a start of 100 the pool has only 0 of 100"),
    (101, 1, 1, "start.size is 101, but the training set has only 100"),
    (60, 50, 2, "query.size is 50, but after a start of 60 the pool has only 40 of 100"),
    (60, 50, 1, ""),
    (0.5, 0.5, 9, ""),
]


@pytest.mark.parametrize(("start", "query", "n_cycles", "message"), SIZES)
def test_sizes_must_fit_the_training_set(start: float, query: float, n_cycles: int, message: str) -> None:
    options = StartOptions(size=start), QueryOptions(size=query)
    if not message:
        tables.check_sizes(100, *options, n_cycles)
        return
    with pytest.raises(OptionsError, match=message):
        tables.check_sizes(100, *options, n_cycles)


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


def answers(*rows: tuple[str, str]) -> pd.DataFrame:
    given_ = pd.DataFrame(rows, columns=["sample_id", "label"])
    return tables.table(
        "answers",
        given_.assign(annotator="me", labeled_at=pd.Timestamp.now("UTC")).reindex(
            columns=list(tables.COLUMNS["answers"])
        ),
    )


def asked(*names: str) -> pd.DataFrame:
    return tables.asked(tables.table("labeled_index"), tables.query(names), "entropy")


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


@quick
@given(st.permutations(range(60)), st.integers(1, 60))
def test_rows_and_class_numbers_are_those_of_the_samples(order: list[int], n: int) -> None:
    some = samples().iloc[order[:n]]
    rows, numbers = tables.labelled_rows(samples(), some[["sample_id", "label"]])
    assert rows.tolist() == order[:n]
    assert [f"c{number}" for number in numbers] == some["label"].tolist()


def test_unknown_ids_and_labels_are_refused_by_name() -> None:
    with pytest.raises(StateError, match="1 ids are not among the samples: nobody"):
        tables.rows_of(samples(), ["train/000000", "nobody"])
    with pytest.raises(StateError, match="no class of the data set: c9"):
        tables.labelled_rows(samples(), pd.DataFrame({"sample_id": ["train/000000"], "label": ["c9"]}))


@pytest.mark.parametrize("n_classes", [0, 1])
def test_fewer_than_two_classes_are_refused(n_classes: int) -> None:
    with pytest.raises(OptionsError, match=f"{n_classes} class"):
        tables.classes(samples(5 * n_classes, n_classes=max(n_classes, 1)))


def test_classes_are_sorted_names() -> None:
    assert tables.classes(samples().iloc[::-1]) == ["c0", "c1", "c2", "c3"]


def test_query_seeds_differ_by_seed_and_cycle() -> None:
    empty = tables.table("labeled_index")
    first = tables.resolve_labels(asked("a"), answers(("a", "1")))
    assert len({tables.query_seed(seed, labeled) for seed in (0, 1) for labeled in (empty, first)}) == 4


def recorded(**groups: object) -> dict[str, object]:
    identity = {"experiment": "main", "dataset": "digits", "strategy": "random", "seed": 0}
    return settings_of(parse({**identity, "n_cycles": 1, "raw_root": "here", **groups}), "content")


def test_reference_key_changes_with_whatever_changes_its_result() -> None:
    others: list[dict[str, object]] = [
        {},
        {"data": {"validation": 5}},
        {"model": {"width": 9}},
        {"training": {"epochs": 9}},
        {"training": {"reinit": "warm"}},
        {"seed": 1},
        {"scoring": {"mirrors": True}},
        {"evaluation": {"predictor": "ensemble"}},
        {"evaluation": {"predictor": "ensemble"}, "scoring": {"ensemble_size": 3}},
    ]
    keys = {tables.reference_key(recorded(**other), 5) for other in others}
    keys.add(tables.reference_key(recorded(training={"reinit": "warm"}), 6))
    keys.add(tables.reference_key({**recorded(), "samples": "others"}, 5))
    assert len(keys) == len(others) + 2


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"workers": 9}},
        {"training": {"device": "cpu", "threads": 7}},
        {"scoring": {"ensemble_size": 3}},
        {"strategy": "margin", "query": {"size": 7}},
    ],
    ids=str,
)
def test_reference_key_stays_with_what_changes_no_result_of_it(other: dict[str, object]) -> None:
    assert tables.reference_key(recorded(**other), 6) == tables.reference_key(recorded(), 5)
