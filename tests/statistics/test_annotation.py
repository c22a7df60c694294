"""What is labelled beside all that there is, and the rate of foreground."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from queryloop.errors import InputError
from queryloop.statistics.annotation import annotated, foreground_efficiency


def test_what_is_annotated_is_counted_and_shared() -> None:
    boxes = pd.DataFrame({"cycle": [1, 1, 2], "case": ["a", "b", "a"]})
    counts = np.array([[8, 2, 0], [10, 0, 0], [3, 4, 3]])
    cases = np.array([[80, 10, 0], [90, 0, 0], [50, 10, 10]])
    first, second = annotated(boxes, counts, cases).to_dict("records")
    assert (first["boxes"], first["cases"], first["voxels"], first["foreground_voxels"]) == (2, 2, 20, 2)
    assert (first["boxes_0"], first["boxes_1"], first["boxes_2"], first["background_boxes"]) == (2, 1, 0, 1)
    assert (second["boxes"], second["cases"], second["voxels"], second["foreground_voxels"]) == (3, 2, 30, 9)
    assert second["cases_share"] == 2 / 3
    assert second["voxels_share"] == 30 / 250
    assert second["foreground_voxels_share"] == 9 / 30
    assert (second["boxes_1_share"], second["boxes_2_share"]) == (2 / 2, 1 / 1)
    assert second["mean_class_share"] == np.mean([6 / 20, 3 / 10])


def test_a_class_that_the_pool_lacks_has_no_share() -> None:
    found = annotated(pd.DataFrame({"cycle": [1], "case": ["a"]}), np.array([[5, 0]]), np.array([[9, 0]]))
    assert np.isnan(found["boxes_1_share"][0])
    assert np.isnan(found["foreground_voxels_share"][0])
    assert np.isnan(found["mean_class_share"][0])


def test_the_mean_over_classes_is_of_those_that_the_pool_has() -> None:
    counts, cases = np.array([[5, 0, 2]]), np.array([[9, 0, 8]])
    found = annotated(pd.DataFrame({"cycle": [1], "case": ["a"]}), counts, cases)
    assert found["mean_class_share"][0] == 2 / 8


def test_all_of_the_pool_is_a_share_of_one() -> None:
    cases = np.random.default_rng(0).integers(1, 9, size=(4, 3))
    found = annotated(pd.DataFrame({"cycle": 1, "case": list("abcd")}), cases, cases).iloc[0]
    shares = [value for name, value in found.items() if str(name).endswith("_share")]
    assert set(shares) == {1.0}


def test_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"shape \(1, 2\), but there are 1 boxes, 3 classes"):
        annotated(pd.DataFrame({"cycle": [1], "case": ["a"]}), np.ones((1, 2)), np.ones((4, 3)))


def runs(rates: dict[str, float], noise: float = 0.0) -> pd.DataFrame:
    """Runs that follow the formula, two seeds with the same start."""
    draw = np.random.default_rng(0)
    rows = []
    for strategy, rate in rates.items():
        for seed in (0, 1):
            for share in (0.01, 0.02, 0.05, 0.1):
                dice = 0.9 - 0.3 * np.exp(-rate * (share - 0.01)) + noise * draw.normal() * (share > 0.01)
                rows.append((strategy, seed, share, dice))
    return pd.DataFrame(rows, columns=["strategy", "seed", "foreground_voxels_share", "dice"])


def test_the_rate_of_foreground_is_found_again() -> None:
    found = foreground_efficiency(runs({"fast": 60.0, "slow": 15.0}), full=0.9)
    assert found["strategy"].tolist() == ["fast", "slow"]
    np.testing.assert_allclose(found["efficiency"], [60, 15], rtol=1e-6)
    np.testing.assert_allclose(found["standard_error"], 0, atol=1e-5)


def test_the_error_is_a_deviation_and_not_its_square() -> None:
    found = foreground_efficiency(runs({"one": 30.0}, noise=0.02), full=0.9).iloc[0]
    assert abs(found["efficiency"] - 30) < 4 * found["standard_error"]
    assert 0.5 < found["standard_error"] < 15


def test_the_start_is_that_of_all_seeds() -> None:
    """Not of the seed alone that happened to draw the least foreground."""
    shifted = runs({"one": 30.0})
    lucky = (shifted["seed"] == 1) & (shifted["foreground_voxels_share"] == 0.01)
    shifted.loc[lucky, ["foreground_voxels_share", "dice"]] = [0.012, 0.62]
    found = foreground_efficiency(shifted, full=0.9)
    alone = foreground_efficiency(shifted[shifted["seed"] == 0], full=0.9)
    assert found["efficiency"][0] != pytest.approx(alone["efficiency"][0], rel=1e-6)


def test_runs_that_start_above_full_labels_are_refused() -> None:
    with pytest.raises(InputError, match=r"no lower than 0\.5"):
        foreground_efficiency(runs({"one": 30.0}), full=0.5)


@pytest.mark.filterwarnings("ignore::scipy.optimize.OptimizeWarning")
def test_no_foreground_tells_no_rate() -> None:
    without = runs({"one": 30.0}).assign(foreground_voxels_share=0.01)
    assert foreground_efficiency(without, full=0.95)[["efficiency", "standard_error"]].isna().all(axis=None)
