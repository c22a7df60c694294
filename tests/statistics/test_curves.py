"""Curves on common budgets, their areas, and what a level costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from queryloop.errors import InputError
from queryloop.statistics.curves import areas, budget_to, budgets_to, curves, rising, twins

from .made_up import drawn, rows

HEIGHTS = st.lists(st.floats(0, 1), min_size=2, max_size=8)


def curve(*heights: float) -> pd.DataFrame:
    return curves(rows(one=[list(heights)]), "accuracy", "n_labeled")


def test_a_run_that_is_shorter_limits_the_budgets_of_all() -> None:
    found = curves(
        rows(random=[[0.1, 0.2, 0.3, 0.4], [0.1, 0.3]], margin=[[0.1, 0.5, 0.6]]), "accuracy", "n_labeled"
    )
    assert found.columns.tolist() == [100, 200]
    assert found.loc[("margin", 0)].tolist() == [0.1, 0.5]
    assert found.index.tolist() == [("random", 0), ("random", 1), ("margin", 0)]


def test_the_order_of_rows_changes_no_value() -> None:
    table = rows(random=[[0.1, 0.2, 0.3], [0.2, 0.3, 0.1]])
    mixed = curves(table.sample(frac=1, random_state=1), "accuracy", "n_labeled").sort_index()
    pd.testing.assert_frame_equal(mixed, curves(table, "accuracy", "n_labeled"))


def test_voxels_are_interpolated_within_the_range_that_all_runs_cover() -> None:
    one = pd.DataFrame({"strategy": "random", "seed": 0, "voxels": [10, 30, 50], "dice": [0.0, 0.2, 0.4]})
    two = pd.DataFrame({"strategy": "margin", "seed": 0, "voxels": [20, 35, 80], "dice": [0.3, 0.6, 0.9]})
    found = curves(pd.concat([one, two]), "dice", "voxels")
    assert found.columns.tolist() == [20, 30, 35, 50]
    np.testing.assert_allclose(found.loc[("random", 0)], [0.1, 0.2, 0.25, 0.4])
    np.testing.assert_allclose(found.loc[("margin", 0)], [0.3, 0.5, 0.6, 0.7])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (rows(random=[[]]).reindex(columns=["strategy", "seed", "n_labeled", "accuracy"]), "no rows"),
        (rows(random=[[0.1, 0.2]]).drop(columns="accuracy"), "lack the column 'accuracy'"),
        (rows(random=[[0.1, np.nan]]), "1 rows have no finite n_labeled and accuracy: random, seed 0"),
        (
            rows(random=[[0.1, 0.2]], margin=[[0.1]]),
            "margin, seed 0 ends at 100, and random, seed 0 begins at 100",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(table: pd.DataFrame, words: str) -> None:
    with pytest.raises(InputError, match=words):
        curves(table, "accuracy", "n_labeled")


def test_of_cycles_with_one_budget_the_last_counts() -> None:
    """As where a query of background boxes adds no foreground."""
    table = pd.concat([rows(random=[[0.1, 0.2, 0.4]]), rows(margin=[[0.1, 0.3, 0.5]])])
    table.loc[table["strategy"] == "random", "n_labeled"] = [100, 300, 300]
    found = curves(table, "accuracy", "n_labeled")
    assert found.loc["random"].loc[0].to_dict() == {100: 0.1, 300: 0.4}


def test_the_area_is_the_mean_height() -> None:
    assert areas(curve(0.0, 1.0, 1.0)).item() == 0.75
    uneven = rows(one=[[0.0, 1.0, 1.0]]).assign(n_labeled=[0, 10, 110])
    assert areas(curves(uneven, "accuracy", "n_labeled")).item() == pytest.approx((5 + 100) / 110)


@settings(max_examples=20)
@given(HEIGHTS)
def test_an_area_lies_between_the_ends_and_turns_with_the_curve(heights: list[float]) -> None:
    area = areas(curve(*heights)).item()
    assert min(heights) - 1e-9 <= area <= max(heights) + 1e-9
    assert areas(curve(*heights[::-1])).item() == pytest.approx(area)


@settings(max_examples=20)
@given(HEIGHTS)
def test_the_rising_curve_is_the_isotonic_regression(heights: list[float]) -> None:
    expected = IsotonicRegression().fit(np.arange(len(heights)), heights).predict(np.arange(len(heights)))
    np.testing.assert_allclose(rising(curve(*heights)).to_numpy()[0], expected, atol=1e-12)


def test_a_level_is_reached_between_two_budgets() -> None:
    assert budget_to(curve(0.0, 0.5, 1.0), 0.75).item() == 250
    assert budget_to(curve(0.6, 0.8), 0.5).item() == 100
    assert np.isnan(budget_to(curve(0.6, 0.8), 0.9).item())
    # 0.9 and 0.7 pool to 0.8: the peak alone does not count
    assert budget_to(curve(0.0, 0.9, 0.7, 1.0), 0.85).item() == pytest.approx(325)


@settings(max_examples=20)
@given(HEIGHTS, st.floats(0.01, 1), st.floats(0.01, 1))
def test_a_higher_level_never_costs_less(heights: list[float], one: float, two: float) -> None:
    low, high = (budget_to(curve(*heights), level).item() for level in sorted((one, two)))
    assert np.isnan(high) or low <= high


def test_never_reached_is_infinitely_late() -> None:
    found = curves(rows(margin=[[0.0, 1.0], [0.0, 0.5], [0.0, 0.4]]), "accuracy", "n_labeled")
    reached, never = budgets_to(found, [0.4, 0.6]).to_dict("records")
    assert reached == {"strategy": "margin", "level": 0.4, "median": 180, "reached": 3, "n_seeds": 3}
    assert np.isnan(never["median"])
    assert (never["reached"], never["n_seeds"]) == (1, 3)


def test_half_of_the_seeds_are_not_enough() -> None:
    found = curves(rows(random=[[0.9, 0.9], [0.1, 0.2]]), "accuracy", "n_labeled")
    assert budgets_to(found, [0.9])["median"].isna().all()


def test_equal_runs_are_counted_once_but_the_control_is_nobodys_twin() -> None:
    found = drawn(4, 3)
    found.loc["s2"] = found.loc["s1"].to_numpy()
    found.loc["s3"] = found.loc["random"].to_numpy()
    assert twins(found, keep=["random"]) == {"s2": "s1"}
    assert twins(found) == {"s2": "s1", "s3": "random"}
