from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queryloop import samples as tables
from queryloop.errors import OptionsError
from queryloop.options import DataOptions

from .tables import members, quick, samples, seeds


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


def test_validation_is_of_patients_with_all_their_labels() -> None:
    rows = scans().assign(split=["test" if i < 12 else "train" for i in range(60)])
    rows.loc[rows["sample_id"].str.fullmatch("p(?:[3-9]|1[01])_v3"), "label"] = None
    splits = tables.split(rows, DataOptions(validation=9, patient="(.*)_"), 0)
    assert patients(splits, "validation") == {"p12", "p13", "p14"}
    assert {f"p{i}" for i in range(3, 12)} == patients(splits, "train")


def test_a_rule_that_each_sample_is_a_patient_changes_nothing() -> None:
    options = [DataOptions(test=0.3, validation=7, patient=rule) for rule in (None, "(.*)")]
    usual, ruled = (tables.split(samples(), given, 3) for given in options)
    assert ruled.equals(usual)


def test_ids_without_patient_are_named() -> None:
    with pytest.raises(OptionsError, match=r"finds no patient in 4 of 60 ids: p0_v0, p0_v1, p0_v2, p0_v3\."):
        tables.split(scans(), DataOptions(test=5, patient="p([1-9][0-9]*)_"), 0)
