from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryloop import samples as tables
from queryloop.errors import OptionsError
from queryloop.options import DataOptions

from .tables import ids, members, quick, samples, seeds, split


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


@quick
@given(seeds, st.sets(st.integers(0, 59), max_size=55))
def test_validation_is_drawn_from_labelled_samples(seed: int, without: set[int]) -> None:
    given_ = samples(60, 20)
    given_.loc[sorted(without), "label"] = None
    splits = tables.split(given_, DataOptions(validation=5), seed)
    labelled = set(given_.loc[given_["label"].notna(), "sample_id"])
    assert len(members(splits, "validation")) == 5
    assert members(splits, "validation") <= labelled
    assert members(splits, "train") == set(given_["sample_id"][:60]) - members(splits, "validation")


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


REFUSED: list[tuple[dict[str, object], str]] = [
    ({}, "no test set of its own"),
    ({"test": 61}, "data.test:61 asks for 61, but only 60"),
    ({"test": 50, "validation": 11}, "data.validation:11 asks for 11, but only 10"),
    ({"test": 50, "validation": 5, "transfer": 6}, "data.transfer:6 asks for 6, but only 5"),
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
