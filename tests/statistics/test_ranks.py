"""All strategies against each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from queryloop.statistics.curves import areas, curves
from queryloop.statistics.ranks import mean_ranks, penalties, win_tie_loss
from queryloop.statistics.verdict import contrasts

from .made_up import drawn, rows

AHEAD = {"random": 0, "ours": 10}


def test_a_budget_counts_where_the_paired_test_of_scipy_says_so() -> None:
    curves = drawn(3, 6, seed=3)
    curves.loc["s1"] += 0.05
    found = penalties(curves)
    assert found.budgets == [200, 300, 400, 500]
    for one, other in (("s1", "random"), ("s1", "s2"), ("random", "s1")):
        tests = [stats.ttest_rel(curves.loc[one, b], curves.loc[other, b]) for b in found.budgets]
        share = np.mean([test.pvalue < 0.05 and test.statistic > 0 for test in tests])
        assert found.matrix.loc[one, other] == share
    assert np.isnan(found.matrix.loc["s1", "s1"])


def test_saturated_budgets_are_left_out() -> None:
    curves = drawn(2, 3)
    curves.loc[:, 500.0] = 0.985
    curves.loc["s1", 400.0] = 0.95
    curves.loc["random", 400.0] = 0.985
    assert penalties(curves, full_data=0.99).budgets == [200, 300, 400]
    assert penalties(curves).budgets == [200, 300, 400, 500]


def test_one_seed_beats_nobody() -> None:
    assert penalties(drawn(2, 1)).matrix.isna().all(axis=None)


def test_equal_runs_beat_each_other_nowhere() -> None:
    curves = drawn(2, 4)
    curves.loc["s1"] = curves.loc["random"].to_numpy()
    assert penalties(curves).matrix.loc["s1", "random"] == 0


@settings(max_examples=20)
@given(st.lists(st.integers(100, 900), min_size=2, max_size=4))
def test_a_difference_that_is_constant_but_for_rounding_beats_nobody(heights: list[int]) -> None:
    both = {name: [[0.5, (height + ahead) / 1000] for height in heights] for name, ahead in AHEAD.items()}
    found = curves(rows(**both), "accuracy", "n_labeled")
    assert penalties(found).matrix.loc["ours", "random"] == 0
    assert np.isnan(contrasts(areas(found), {"ours": "random"})["p"].item())


@settings(max_examples=20)
@given(st.integers(0, 999))
def test_nobody_beats_and_is_beaten_at_the_same_budget(seed: int) -> None:
    matrix = penalties(drawn(3, 3, seed=seed)).matrix.fillna(0)
    assert ((matrix + matrix.T) <= 1).all(axis=None)


def test_wins_ties_and_losses_are_seeds() -> None:
    area = areas(drawn(2, 4))
    area["s1"] = np.array([0.1, 0.0, -0.1, 0.2]) + area["random"].to_numpy()
    first, second = win_tie_loss(area).set_index("strategy")[["wins", "ties", "losses"]].to_numpy().tolist()
    assert second == [2, 1, 1]
    assert first == second[::-1]


def test_equal_areas_that_are_rounded_apart_are_a_tie() -> None:
    """Of 360 test images as many are right in all, in another order."""
    ends = {"random": (200, 240, 250, 300, 320), "ours": (200, 250, 300, 240, 320)}
    area = areas(
        curves(
            rows(**{name: [[n / 360 for n in right]] * 2 for name, right in ends.items()}),
            "accuracy",
            "n_labeled",
        )
    )
    assert area["random", 0] != area["ours", 0]
    assert win_tie_loss(area)["ties"].tolist() == [2, 2]
    assert mean_ranks(area).mean.tolist() == [1.5, 1.5]


def test_the_critical_difference_is_that_of_the_published_table() -> None:
    """Demšar 2006: q is 2.569 for four classifiers; with 14 data sets the difference is 1.25."""
    assert mean_ranks(areas(drawn(4, 14))).critical == pytest.approx(1.25, abs=0.005)


def test_ranks_are_friedmans() -> None:
    area = areas(drawn(4, 6))
    found = mean_ranks(area)
    assert found.friedman_p == stats.friedmanchisquare(*(area[name] for name in area.index.unique(0))).pvalue
    assert found.mean.sum() == pytest.approx(1 + 2 + 3 + 4)
    assert found.mean.is_monotonic_increasing
    by_seed = stats.rankdata(-area.unstack("seed"), axis=0).mean(axis=1)
    assert sorted(by_seed) == pytest.approx(found.mean.tolist())


def test_two_strategies_have_ranks_and_no_test() -> None:
    found = mean_ranks(areas(drawn(2, 5)).drop(("s1", 0)))
    assert found.n_seeds == 4
    assert np.isnan([found.critical, found.friedman_p]).all()
