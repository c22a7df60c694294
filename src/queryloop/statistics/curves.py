"""Runs side by side: one curve a run on budgets that all have, its area, and what a level costs on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pandas as pd
from sklearn.isotonic import isotonic_regression

from queryloop.errors import InputError, examples

RUN = ["strategy", "seed"]

DIGITS = 12
"""More than rounding leaves right of numbers around 1, more than any test set tells apart."""


def curves(results: pd.DataFrame, measure: str, budget: str) -> pd.DataFrame:
    """The measure of each run on the common budgets.

    results: one row a cycle of each run, in their order: strategy, seed, and the columns `measure` (higher is
    better) and `budget` (labels, or voxels); of cycles with one budget the last counts. Common budgets are
    those that every run has; where runs share fewer than half of the budgets of the shortest run, as with
    voxels, they are all budgets within the range that every run covers, and the measure between two cycles
    is interpolated. Returns one row a run (index strategy, seed; in the order of the rows), one column a
    budget, rising. Raises InputError for no rows, missing columns or values, and fewer than two common
    budgets.
    """
    _refuse_unusable(results, measure, budget)
    results = results.drop_duplicates([*RUN, budget], keep="last")  # boxes of background add no foreground
    runs = {run: rows.sort_values(budget) for run, rows in results.groupby(RUN, sort=False)}
    grid = _common({run: rows[budget].to_numpy(float) for run, rows in runs.items()})
    heights = [np.interp(grid, rows[budget], rows[measure]) for rows in runs.values()]
    index = pd.MultiIndex.from_tuples(runs, names=RUN)
    return pd.DataFrame(heights, index=index, columns=pd.Index(grid, name=budget))


def _common(budgets: dict[tuple, np.ndarray]) -> np.ndarray:
    shared = reduce(np.intersect1d, budgets.values())
    if len(shared) >= max(2, min(map(len, budgets.values())) / 2):
        return shared
    first, last = max(b[0] for b in budgets.values()), min(b[-1] for b in budgets.values())
    every = np.unique(np.concatenate(list(budgets.values())))
    inside = every[(first <= every) & (every <= last)]
    if len(inside) < 2:
        ended, short = min(budgets.items(), key=lambda run: run[1][-1])
        begun, late = max(budgets.items(), key=lambda run: run[1][0])
        raise InputError(
            "the runs have fewer than two budgets in common, so there is no curve to compare: "
            f"{ended[0]}, seed {ended[1]} ends at {short[-1]:,.0f}, and {begun[0]}, seed {begun[1]} begins "
            f"at {late[0]:,.0f}; run more cycles, or leave one of them out."
        )
    return inside


def _refuse_unusable(results: pd.DataFrame, measure: str, budget: str) -> None:
    if missing := [name for name in (*RUN, budget, measure) if name not in results.columns]:
        raise InputError(f"results lack the column {missing[0]!r}: they have {', '.join(results.columns)}.")
    if results.empty:
        raise InputError("there are no results to compare: the table has no rows.")
    values = results[[budget, measure]].to_numpy(float)
    if len(bad := results.loc[~np.isfinite(values).all(axis=1), RUN]):
        runs = examples([f"{strategy}, seed {seed}" for strategy, seed in bad.drop_duplicates().to_numpy()])
        raise InputError(f"{len(bad)} rows have no finite {budget} and {measure}: {runs}.")


def areas(curves: pd.DataFrame) -> pd.Series:
    """Area under each curve over the budget (AUBC), as its mean height: a constant curve has its own value.

    curves: from `curves`. Trapezoids over the budgets, divided by last minus first; one value a run.
    """
    budgets = curves.columns.to_numpy(float)
    under = np.trapezoid(curves.to_numpy(), budgets, axis=1)
    return pd.Series(under / (budgets[-1] - budgets[0]), index=curves.index, name="aubc")


def rising(curves: pd.DataFrame) -> pd.DataFrame:
    """The isotonic regression of each curve: the nearest curve that never falls."""
    heights = [isotonic_regression(height) for height in curves.to_numpy()]
    # means of what was pooled, which a last digit must not keep from a level that they are
    return pd.DataFrame(heights, index=curves.index, columns=curves.columns).round(DIGITS)


def budget_to(curves: pd.DataFrame, level: float) -> pd.Series:
    """The budget with which each run first reaches a level; NaN where it never does (censored).

    On the isotonic curve of each run, with linear interpolation. A run that begins at the level or above
    gets its first budget, which is the most that it can have needed.
    """
    return _first_at(rising(curves), level)


def _first_at(heights: pd.DataFrame, level: float) -> pd.Series:
    budgets = heights.columns.to_numpy(float)
    at = [_crossing(budgets, height, level) for height in heights.to_numpy()]
    return pd.Series(at, index=heights.index, name=heights.columns.name)


def _crossing(budgets: np.ndarray, height: np.ndarray, level: float) -> float:
    reached = np.flatnonzero(height >= level)
    if len(reached) == 0:
        return np.nan
    if (after := reached[0]) == 0:
        return float(budgets[0])
    low, high = height[after - 1], height[after]
    share = (level - low) / (high - low)
    return float(budgets[after - 1] + share * (budgets[after] - budgets[after - 1]))


def budgets_to(curves: pd.DataFrame, levels: Sequence[float]) -> pd.DataFrame:
    """Median over the seeds of the budget with which each strategy reaches each level.

    Returns one row for each strategy and level: strategy, level, median (never reached counts as infinitely
    late; NaN where the median is), reached and n_seeds. Levels are in the unit of the measure.
    """
    heights = rising(curves)
    found = [_first_at(heights, level).groupby("strategy", sort=False) for level in levels]
    rows = [
        {"strategy": strategy, "level": level, **_summary(at.to_numpy())}
        for level, by_strategy in zip(levels, found, strict=True)
        for strategy, at in by_strategy
    ]
    return pd.DataFrame(rows, columns=["strategy", "level", "median", "reached", "n_seeds"])


def _summary(at: np.ndarray) -> dict[str, float | int]:
    late = np.sort(np.where(np.isnan(at), np.inf, at))
    median = float(late[[(len(late) - 1) // 2, len(late) // 2]].mean())
    return {
        "median": median if np.isfinite(median) else np.nan,
        "reached": int(np.isfinite(at).sum()),
        "n_seeds": len(at),
    }


def twins(curves: pd.DataFrame, keep: Sequence[str] = ()) -> dict[str, str]:
    """Strategies whose runs are equal, value for value, to those of one before: each with that one.

    Two names of one strategy ask for the same samples. keep: strategies that are nobody's twin.
    """
    seen: dict[bytes, str] = {}
    found = {}
    for strategy, runs in curves.groupby("strategy", sort=False):
        seeds = runs.index.get_level_values("seed")
        content = repr(sorted(seeds)).encode() + runs.sort_index().to_numpy().tobytes()
        first = seen.setdefault(content, strategy)
        if first != strategy and strategy not in keep and first not in keep:
            found[strategy] = first
    return found
