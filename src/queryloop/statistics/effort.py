"""What comparisons of boxes add: what was annotated, and how far it led."""

from __future__ import annotations

import numpy as np
import pandas as pd

from queryloop.errors import InputError
from queryloop.statistics.annotation import foreground_efficiency
from queryloop.statistics.comparison import Comparison
from queryloop.statistics.curves import areas, curves

_BUDGETS = ("boxes", "voxels", "foreground_voxels")
_HELD = ("boxes", "cases", "voxels", "foreground_voxels")


def box_classes(results: pd.DataFrame) -> pd.DataFrame:
    """Share of the boxes asked for after the start that hold each class; a box can hold several.

    results: one row a cycle of each run, with the columns boxes and boxes_c. Returns one row a strategy:
    strategy, and one column a class.
    """
    names = [name for name in results.columns if name.removeprefix("boxes_").isdecimal()]
    runs = results.groupby(["strategy", "seed"], sort=False)[["boxes", *names]]
    asked = (runs.last() - runs.first()).groupby("strategy", sort=False).sum()
    shares = asked[names].div(asked["boxes"].where(asked["boxes"] > 0), axis=0)
    return shares.rename(columns=lambda name: name.removeprefix("boxes_")).reset_index()


def effort(results: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """What each strategy had annotated at its last cycle, and what came of it: means over the seeds.

    results: one row a cycle of each run. Returns one row a strategy: strategy, n_seeds; final measure; aubc
    over boxes, voxels and foreground voxels; foreground_efficiency (Lüth et al. 2025; a dash without a
    training on all labels, and where another measure than the Dice is compared); then what was annotated,
    with its shares of the full pool. No row for images.
    """
    if "foreground_voxels_share" not in results.columns:
        return pd.DataFrame(columns=["strategy"])
    results = results[~results["strategy"].isin(comparison.twins)]
    results = results.dropna(subset="foreground_voxels_share")  # runs from elsewhere do not tell
    last = results.groupby(["strategy", "seed"], sort=False).last()
    held = [name for name in last.columns if name in _HELD or name.startswith("boxes_")]
    shares = [*(f"{name}_share" for name in _HELD), "mean_class_share"]
    held += [name for name in shares if name in last.columns]
    means = last[[comparison.measure, *dict.fromkeys(held)]].groupby("strategy", sort=False).mean()
    found = means.rename(columns={comparison.measure: f"final_{comparison.measure}"})
    for number, budget in enumerate(_BUDGETS, start=1):
        found.insert(number, f"aubc_{budget}", _mean_areas(results, comparison.measure, budget))
    # what all labels reach in another measure says nothing of the Dice
    full = comparison.full_data if comparison.measure == "dice" else None
    found.insert(len(_BUDGETS) + 1, "foreground_efficiency", _efficiency(results, full))
    found.insert(0, "n_seeds", last.groupby("strategy", sort=False).size())
    return found.reset_index()


def _mean_areas(results: pd.DataFrame, measure: str, budget: str) -> pd.Series:
    try:
        return areas(curves(results, measure, budget)).groupby("strategy").mean()
    except InputError:  # no common range of this budget
        return pd.Series(np.nan, index=results["strategy"].unique())


def _efficiency(results: pd.DataFrame, full: float | None) -> pd.Series:
    none = pd.Series(np.nan, index=results["strategy"].unique())
    if full is None or "dice" not in results.columns:
        return none
    try:
        return foreground_efficiency(results, full).set_index("strategy")["efficiency"]
    except InputError:  # the runs start no lower than full labels
        return none
