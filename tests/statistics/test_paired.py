"""Paired differences: against scipy, statsmodels and tables by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from queryloop.statistics.paired import bootstrap_interval, paired_t, seeds_needed, wilcoxon_p


def test_the_interval_is_that_of_the_table_of_t() -> None:
    found = paired_t(np.array([1.0, 2.0, 3.0]))
    half = 4.302653 * 1.0 / np.sqrt(3)  # quantile 0.975 of t with 2 degrees of freedom
    assert (found.n, found.mean, found.deviation) == (3, 2.0, 1.0)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), rel=1e-6)
    assert found.p == pytest.approx(0.0741799, rel=1e-5)  # t = 3.4641


@pytest.mark.parametrize("n", [2, 5, 30])
def test_the_test_is_the_paired_one_of_scipy_and_the_interval_that_of_statsmodels(n: int) -> None:
    one, two = np.random.default_rng(n).normal(size=(2, n))
    found = paired_t(one - two)
    assert found.p == pytest.approx(stats.ttest_rel(one, two).pvalue)
    assert (found.low, found.high) == pytest.approx(DescrStatsW(one - two).tconfint_mean())


def test_without_variation_there_is_no_test() -> None:
    one = paired_t(np.array([0.3]))
    assert one.mean == 0.3
    assert np.isnan([one.low, one.p, one.deviation]).all()
    same = paired_t(np.full(4, 0.1))
    assert np.isnan([same.low, same.high, same.p]).all()
    none = paired_t(np.zeros(4))
    assert (none.low, none.high, none.p) == (0.0, 0.0, 1.0)
    assert np.isnan(paired_t(np.array([])).mean)


def test_wilcoxon_takes_six_seeds_and_the_bootstrap_twenty() -> None:
    differences = np.random.default_rng(0).normal(1, 1, 40)
    assert np.isnan(wilcoxon_p(differences[:5]))
    assert wilcoxon_p(differences[:6]) == stats.wilcoxon(differences[:6]).pvalue
    assert np.isnan(bootstrap_interval(differences[:19])).all()
    low, high = bootstrap_interval(differences)
    assert (low, high) == pytest.approx((paired_t(differences).low, paired_t(differences).high), abs=0.1)
    assert bootstrap_interval(differences) == (low, high)


@pytest.mark.parametrize(("deviation", "alpha"), [(0.004, 0.05), (0.01, 0.05), (0.03, 0.01), (0.2, 0.05)])
def test_so_many_seeds_show_the_difference_and_one_less_does_not(deviation: float, alpha: float) -> None:
    n = seeds_needed(deviation, 0.01, alpha)
    exact = TTestPower().solve_power(0.01 / deviation, alpha=alpha, power=0.8)
    assert n == np.ceil(exact)


@pytest.mark.parametrize(
    ("deviation", "alpha", "n"), [(0.001, 0.05, 3), (0.0005, 0.05, 2), (0.003408, 0.05 / 7, 5)]
)
def test_seeds_are_those_with_which_draws_show_it(deviation: float, alpha: float, n: int) -> None:
    """Where the power of a two-sided test is NaN to statsmodels for some number of seeds."""
    draws = np.random.default_rng(0).normal(0.01, deviation, (4000, n))
    assert seeds_needed(deviation, 0.01, alpha) == n
    assert (stats.ttest_1samp(draws, 0, axis=1).pvalue < alpha).mean() >= 0.8
    if n > 2:
        assert (stats.ttest_1samp(draws[:, 1:], 0, axis=1).pvalue < alpha).mean() < 0.8


def test_seeds_that_nobody_can_tell_are_not_told() -> None:
    assert np.isnan(seeds_needed(np.nan, 0.01))
    assert seeds_needed(0.0, 0.01) == 2
    assert seeds_needed(1e-9, 0.01) == 2
