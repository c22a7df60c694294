from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom, t
from statsmodels.stats.proportion import proportion_confint

from queryloop.statistics.control import (
    ENOUGH,
    bounds,
    estimates,
    gain,
    gain_told,
    missing,
    told,
    with_estimates,
)


def at_least(right: int, n: int, total: int, k: int) -> Fraction:
    ways = sum(comb(k, x) * comb(total - k, n - x) for x in range(right, n + 1))
    return Fraction(ways, comb(total, n))


@pytest.mark.parametrize(("n", "total"), [(1, 4), (3, 10), (5, 21)])
def test_the_ends_are_the_last_numbers_that_the_draw_does_not_speak_against(n: int, total: int) -> None:
    tail = Fraction(1, 40)
    for right in range(n + 1):
        possible = [
            k
            for k in range(right, total - n + right + 1)
            if at_least(right, n, total, k) > tail and 1 - at_least(right + 1, n, total, k) > tail
        ]
        assert bounds(right, n, total) == (possible[0], possible[-1])


@pytest.mark.parametrize(("right", "n"), [(0, 10), (7, 10), (60, 60), (90, 100)])
def test_in_a_large_pool_the_interval_is_that_of_clopper_and_pearson(right: int, n: int) -> None:
    total = 1_000_000
    found = np.array(bounds(right, n, total)) / total
    assert found == pytest.approx(proportion_confint(right, n, method="beta"), abs=1e-5)


@pytest.mark.parametrize("right", [0, 3, 8])
def test_nothing_is_open_where_everything_was_drawn(right: int) -> None:
    assert bounds(right, 8, 8) == (right, right)


@pytest.mark.parametrize(("n", "total"), [(2, 30), (10, 60), (25, 40)])
def test_whatever_the_true_number_the_interval_covers_it_in_95_percent_of_draws(n: int, total: int) -> None:
    ends = np.array([bounds(right, n, total) for right in range(n + 1)])
    for k in range(total + 1):
        covers = (ends[:, 0] <= k) & (k <= ends[:, 1])
        assert hypergeom.pmf(np.flatnonzero(covers), total, k, n).sum() >= 0.95 - 1e-9


def labeled(*rows: tuple[int, bool, bool]) -> pd.DataFrame:
    """Two samples of the start, then (cycle, control, whether the network was right)."""
    asked = [{"cycle": c, "control": d, "predicted": "a", "label": "a" if r else "b"} for c, d, r in rows]
    start = [{"cycle": 1, "control": False, "predicted": None, "label": "a"}] * 2
    return pd.DataFrame(start + asked)


TWO_QUERIES = labeled(
    (2, False, False), (2, False, True), (2, False, False), (2, True, True), (2, True, False),
    (3, False, True), (3, False, False), (3, False, True), (3, True, True), (3, True, True),
)  # fmt: skip


def test_estimates_are_those_computed_by_hand() -> None:
    """A pool of 20 at the end, so of 30 and 25: the first strategy left 27 samples, the second 22."""
    one, two = estimates(TWO_QUERIES, 20).to_dict("records")
    assert (one["cycle"], one["n_control"], one["control_accuracy"]) == (1, 2, 0.5)
    assert one["pool_accuracy"] == pytest.approx((1 + 27 / 2) / 30)
    assert (one["control_low"], one["control_high"]) == pytest.approx((1 / 27, 26 / 27))
    assert (one["pool_low"], one["pool_high"]) == pytest.approx((2 / 30, 27 / 30))
    assert (two["cycle"], two["n_control"], two["control_accuracy"]) == (2, 2, 1.0)
    assert two["pool_accuracy"] == pytest.approx((2 + 22) / 25)
    low, high = bounds(2, 2, 22)
    assert (two["pool_low"], two["pool_high"]) == pytest.approx(((2 + low) / 25, (2 + high) / 25))


def test_a_corrected_label_corrects_the_estimate() -> None:
    corrected = TWO_QUERIES.assign(label=TWO_QUERIES["label"].where(TWO_QUERIES["cycle"] == 3, "a"))
    assert estimates(corrected, 20)["control_accuracy"].tolist() == [1.0, 1.0]


def metrics(n_cycles: int) -> pd.DataFrame:
    return pd.DataFrame({"cycle": np.arange(1, n_cycles + 1), "accuracy": 0.5})


def test_an_estimate_stands_in_the_row_of_its_network() -> None:
    found = with_estimates(metrics(3), TWO_QUERIES, 20)
    assert found["control_accuracy"].tolist()[:2] == [0.5, 1.0]
    assert found.iloc[2].drop(["cycle", "accuracy"]).isna().all()
    pd.testing.assert_frame_equal(with_estimates(found, TWO_QUERIES, 20), found)
    assert (told(found) or "").startswith("network of cycle 2: 96.0% (95% interval ")


def test_without_control_labels_nothing_is_estimated_or_told() -> None:
    before = TWO_QUERIES.drop(columns=["control", "predicted"])
    assert with_estimates(metrics(3), before, 20).equals(metrics(3))
    assert told(metrics(3)) is None


def test_the_gain_is_told_from_200_control_labels_on() -> None:
    assert missing(ENOUGH) is None
    assert "there are 150, 50 are missing" in (missing(150) or "")


def judged(strategy: np.ndarray, random: np.ndarray) -> pd.DataFrame:
    """Ten folds of samples, of which either way has so many right."""
    size = 50
    parts = [
        {"fold": fold, "strategy": np.arange(size) < ours, "random": np.arange(size) < theirs, "n_labels": 40}
        for fold, (ours, theirs) in enumerate(zip(strategy, random, strict=True))
    ]
    return pd.concat(map(pd.DataFrame, parts))


NOISE = np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 4])


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (
            5,
            "margin is ahead of random: 94.0% right with 40 labels that margin asked for, 80.0% with as many",
        ),
        (-5, "margin is behind random: "),
        (-1, "no gain of margin over random is shown: "),
        (-2, "no gain of margin over random is shown: "),
    ],
)
def test_a_gain_is_claimed_only_where_the_interval_says_so(ahead: int, said: str) -> None:
    assert gain_told("margin", judged(40 + ahead + NOISE, np.full(10, 40))).startswith(said)


def test_a_gain_that_is_the_same_in_all_folds_is_not_claimed() -> None:
    for ahead, points in ((5, "+10.0"), (0, "+0.0")):
        said = gain_told("margin", judged(np.full(10, 40 + ahead), np.full(10, 40)))
        assert said.startswith("no gain of margin over random is shown: ")
        assert f"{points} points (95% interval -100.0 to +100.0)" in said


def test_the_interval_of_the_gain_is_that_of_nadeau_and_bengio() -> None:
    found = gain(judged(40 + NOISE, np.full(10, 40)))
    differences = NOISE / 50
    error = np.sqrt((1 / 10 + 1 / 9) * differences.var(ddof=1))
    assert (found.low, found.high) == pytest.approx(t.interval(0.95, 9, differences.mean(), error))
