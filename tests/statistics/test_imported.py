"""Runs from elsewhere beside ours."""

from __future__ import annotations

import pandas as pd
import pytest

from queryloop.errors import InputError
from queryloop.statistics.imported import asked_for, controls_of_imported, imported


def csv(**columns: list) -> pd.DataFrame:
    usual = {"strategy": ["a"], "seed": [0], "n_labeled": [100], "metric": [0.5]}
    return pd.DataFrame(usual | columns)


def test_results_from_elsewhere_take_the_names_of_measure_and_budget() -> None:
    found = imported(csv(), "accuracy", "n_labeled", taken={"a"})
    assert found.to_dict("records") == [
        {"seed": 0, "n_labeled": 100, "accuracy": 0.5, "strategy": "a (imported)"}
    ]
    assert imported(csv(), "dice", "voxels", taken=set())["voxels"].tolist() == [100]


def test_random_from_elsewhere_is_known_in_any_spelling() -> None:
    found = imported(csv(strategy=["Random"]), "accuracy", "n_labeled", taken={"random"})
    assert found["strategy"].tolist() == ["random (imported)"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (csv().drop(columns="metric"), "columns strategy, seed, n_labeled, metric, but these have: strategy"),
        (csv(seed=["x"]), "row 1 of the imported results is not usable"),
        (csv(seed=[0.5]), "row 1"),
        (csv(seed=[1e30]), "row 1"),
        (csv(strategy=[None]), "row 1"),
        (csv().iloc[:0], "no rows"),
        (csv(n_labeled=[0]), "row 1 of the imported results has n_labeled 0"),
        (
            pd.concat([csv()] * 2, ignore_index=True),
            r"row 2 of the imported results is of the same strategy \(a\), seed",
        ),
        (csv(metric=[97.0]), "is 97, but accuracy goes from 0 to 1: divide percents by 100"),
    ],
)
def test_what_is_no_result_is_refused(table: pd.DataFrame, words: str) -> None:
    with pytest.raises(InputError, match=words):
        imported(table, "accuracy", "n_labeled", taken=set())


def test_imported_runs_are_compared_with_the_random_runs_imported_with_them() -> None:
    one = csv().assign(strategy="a")
    both = pd.concat([one, csv().assign(strategy="random (imported)")])
    assert controls_of_imported(both) == {"a": "random (imported)"}
    assert controls_of_imported(one) == {}


def test_our_own_tables_come_back_with_their_controls() -> None:
    names = ["random (main)", "margin", "vaal (other)", "random (other)"]
    table = pd.concat([csv(strategy=[name]) for name in names])
    assert controls_of_imported(table) == {"vaal (other)": "random (other)"}  # margin may belong to either
    alone = table[table["strategy"].isin(["margin", "random (main)"])]
    assert controls_of_imported(alone) == {"margin": "random (main)"}
    assert asked_for(table, ["margin"])["strategy"].tolist() == ["random (main)", "margin", "random (other)"]


@pytest.mark.parametrize(
    "columns",
    [
        {"strategy": ["random", "Random"]},
        {"n_labeled": ["100", "100.0"]},
        {"seed": ["0", "00"]},
        {"strategy": ["badge", "badge (imported)"]},
    ],
)
def test_one_run_in_two_spellings_is_refused(columns: dict[str, list]) -> None:
    usual = {"strategy": ["a"] * 2, "seed": [0] * 2, "n_labeled": [100] * 2, "metric": [0.5, 0.6]}
    with pytest.raises(InputError, match="row 2 of the imported results is of the same strategy"):
        imported(pd.DataFrame(usual | columns), "accuracy", "n_labeled", taken={"badge"})
