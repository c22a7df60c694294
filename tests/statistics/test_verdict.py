"""The verdict on each strategy, and the labels that it saves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from queryloop.statistics.curves import areas, curves
from queryloop.statistics.verdict import common_level, contrasts, savings

from .made_up import drawn, rows

CONTROLS = {"s1": "random", "s2": "random", "s3": "random"}


def test_each_contrast_is_scipys_paired_test_and_all_together_are_holms() -> None:
    area = areas(drawn(4, 8))
    found = contrasts(area, CONTROLS)
    p = [stats.ttest_rel(area[name], area["random"]).pvalue for name in CONTROLS]
    np.testing.assert_allclose(found["p"], p)
    np.testing.assert_allclose(found["p_holm"], multipletests(p, method="holm")[1])
    assert found["n_seeds"].tolist() == [8, 8, 8]
    assert found["wilcoxon_p"].notna().all()
    assert found["bootstrap_low"].isna().all()


def test_a_plain_difference_is_called_by_its_side() -> None:
    area = areas(drawn(4, 5))
    noise = 0.001 * np.random.default_rng(0).normal(size=(2, 5))
    area["s1"], area["s2"] = noise + np.array([[0.1], [-0.1]]) + area["random"].to_numpy()
    found = contrasts(area, CONTROLS)
    assert found["verdict"].tolist()[:2] == ["better", "worse"]
    assert found["low"][0] < 0.1 < found["high"][0]


def test_the_order_of_strategies_changes_nothing() -> None:
    area = areas(drawn(4, 4))
    found = contrasts(area, dict.fromkeys(reversed(CONTROLS), "random")).set_index("strategy")
    pd.testing.assert_frame_equal(found.loc[list(CONTROLS)], contrasts(area, CONTROLS).set_index("strategy"))


def test_only_seeds_that_both_have_are_paired() -> None:
    area = areas(drawn(2, 5)).drop([("s1", 0), ("random", 3)])
    found = contrasts(area, {"s1": "random"}).iloc[0]
    assert found["n_seeds"] == 3
    assert found["difference"] == pytest.approx(
        np.mean([area["s1", i] - area["random", i] for i in (1, 2, 4)])
    )


@pytest.mark.parametrize("n_seeds", [0, 1])
def test_one_seed_is_not_tested(n_seeds: int) -> None:
    area = areas(drawn(2, 2)).drop([("s1", seed) for seed in range(2 - n_seeds)])
    if n_seeds == 0:
        area.loc[("s1", 7)] = 0.5
    found = contrasts(area, {"s1": "random"}).iloc[0]
    assert found["verdict"] == "not tested"
    assert found[["p", "p_holm", "low", "high", "seeds_for_a_point"]].isna().all()


def test_no_contrast_gives_an_empty_table() -> None:
    assert contrasts(areas(drawn(1, 3)), {}).empty


def saving(level: float, **strategies: list[list[float]]) -> pd.Series:
    found = curves(rows(**strategies), "accuracy", "n_labeled")
    return savings(found, {"ours": "random"}, level).iloc[0]


def test_labels_saved_are_the_ratio_of_crossings() -> None:
    slow, fast = [0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.5, 1.0, 1.0, 1.0]
    found = saving(0.5, random=[slow, slow], ours=[fast, [0.0, 0.25, 0.75, 1.0, 1.0]])
    logs = np.log([300 / 200, 300 / 250])
    assert found["ratio"] == pytest.approx(np.exp(logs.mean()))
    half = stats.t.ppf(0.975, 1) * logs.std(ddof=1) / np.sqrt(2)
    assert found["ratio_high"] == pytest.approx(np.exp(logs.mean() + half))
    assert found["saved"] == pytest.approx(1 - 1 / found["ratio"])
    assert found["saved_low"] < found["saved"] < found["saved_high"]
    assert found["control_budget"] == pytest.approx(300)


def test_a_seed_that_never_gets_there_leaves_counts_only() -> None:
    found = saving(0.5, random=[[0.0, 0.6], [0.0, 0.7]], ours=[[0.0, 0.9], [0.0, 0.4]])
    assert (found["reached"], found["control_reached"], found["n_seeds"]) == (1, 2, 2)
    assert found[["ratio", "ratio_low", "saved", "budget"]].isna().all()


@pytest.mark.parametrize(("target", "started"), [(0.3, (2, 2)), (0.55, (0, 1))])
def test_a_seed_that_starts_at_the_level_leaves_counts_only(target: float, started: tuple[int, int]) -> None:
    found = saving(target, random=[[0.5, 0.9], [0.6, 0.9]], ours=[[0.5, 0.9], [0.54, 0.95]])
    assert (found["started"], found["control_started"]) == started
    assert (found["reached"], found["control_reached"]) == (2, 2)
    assert found[["ratio", "ratio_low", "saved", "control_budget"]].isna().all()


@settings(max_examples=20)
@given(st.integers(0, 99))
def test_who_is_compared_with_whom_turns_the_ratio_over(seed: int) -> None:
    found = drawn(2, 4, seed=seed)
    level = common_level(found, "random") or 0.7
    one = savings(found, {"s1": "random"}, level).iloc[0]
    two = savings(found, {"random": "s1"}, level).iloc[0]
    np.testing.assert_allclose(one["ratio_low"], 1 / two["ratio_high"])


def level(*ends: float) -> float | None:
    return common_level(curves(rows(random=[[0.5, end] for end in ends]), "accuracy", "n_labeled"), "random")


def test_the_level_is_a_round_one_that_every_run_of_the_control_reaches() -> None:
    assert level(0.937, 0.951) == 0.93
    assert level(0.97, 0.98) == 0.97
    assert level(0.5083, 0.6) == 0.505
    assert level(0.5013, 0.6) == 0.501
    assert level(0.4) is None


def test_every_run_of_the_control_is_counted_at_a_level_that_it_just_reaches() -> None:
    """Ends of 360 test images that pool to 0.9, which their sum of floating numbers does not quite reach."""
    ends = [[0.5, *(right / 360 for right in pooled)] for pooled in ((370, 296, 306), (324, 324, 324))]
    found = curves(rows(random=ends, ours=ends), "accuracy", "n_labeled")
    assert common_level(found, "random") == 0.9
    assert savings(found, {"ours": "random"}, 0.9)["control_reached"].item() == 2
