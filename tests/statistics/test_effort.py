"""What comparisons of boxes add to the curves."""

from __future__ import annotations

import pandas as pd
import pytest

from queryloop.statistics.comparison import compare
from queryloop.statistics.effort import box_classes, effort

CONTROLS = {"entropy": "random"}


def results() -> pd.DataFrame:
    """Two cycles of two strategies and two seeds; a cycle adds 4 boxes of 100 voxels."""
    rows = [
        {
            "strategy": strategy, "seed": seed, "cycle": cycle,
            "dice": 0.5 + gain * (cycle - 1) + 0.01 * seed,
            "boxes": 4 * cycle, "cases": cycle, "voxels": 400 * cycle, "foreground_voxels": 100 * cycle,
            "boxes_0": 4 * cycle, "boxes_1": 2 + held * (cycle - 1), "foreground_voxels_share": 0.1 * cycle,
        }
        for strategy, gain, held in (("random", 0.1, 1), ("entropy", 0.2, 3))
        for seed in (0, 1)
        for cycle in (1, 2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_start_is_not_among_the_boxes_that_were_asked_for() -> None:
    found = box_classes(results()).set_index("strategy")
    assert found.loc["random"].to_dict() == {"0": 1.0, "1": 0.25}
    assert found.loc["entropy"].to_dict() == {"0": 1.0, "1": 0.75}


def test_effort_tells_the_last_cycle_and_all_three_areas() -> None:
    table = results()
    found = effort(table, compare(table, CONTROLS, "dice", "voxels")).set_index("strategy")
    row = found.loc["entropy"]
    assert row["final_dice"] == pytest.approx(0.705)
    assert row[["aubc_boxes", "aubc_voxels", "aubc_foreground_voxels"]].tolist() == pytest.approx([0.605] * 3)
    assert row[["n_seeds", "boxes", "foreground_voxels"]].tolist() == [2, 8, 200]
    assert found["foreground_efficiency"].isna().all()


def test_efficiency_is_told_where_a_training_on_all_labels_is_known() -> None:
    table = results()
    known = effort(table, compare(table, CONTROLS, "dice", "voxels", full_data=0.9)).set_index("strategy")
    assert known.loc["entropy", "foreground_efficiency"] > known.loc["random", "foreground_efficiency"] > 0
    low = effort(table, compare(table, CONTROLS, "dice", "voxels", full_data=0.4))
    assert low["foreground_efficiency"].isna().all()


def test_efficiency_is_that_of_the_dice_alone() -> None:
    table = results().assign(dice_front=lambda rows: rows["dice"] / 2)
    found = effort(table, compare(table, CONTROLS, "dice_front", "voxels", full_data=0.9))
    assert found["foreground_efficiency"].isna().all()


def test_a_query_of_background_alone_leaves_an_area_over_the_foreground() -> None:
    table = results()
    third = table[table["cycle"] == 2].assign(cycle=3, boxes=12, voxels=1200, dice=0.8)
    table = pd.concat([table, third]).sort_values(["strategy", "seed", "cycle"])
    found = effort(table, compare(table, CONTROLS, "dice", "voxels"))
    assert found["aubc_foreground_voxels"].notna().all()


def test_images_have_no_such_table() -> None:
    table = results()[["strategy", "seed", "dice", "voxels"]]
    assert effort(table, compare(table, CONTROLS, "dice", "voxels")).empty
