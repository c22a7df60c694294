"""The whole comparison of results: every table of it, and its verdict in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from queryloop.statistics import sentences
from queryloop.statistics.curves import RUN, areas, budgets_to, curves, twins
from queryloop.statistics.ranks import Penalties, Ranks, mean_ranks, penalties, win_tie_loss
from queryloop.statistics.verdict import common_level, contrasts, savings

N_LEVELS = 24  # of the picture of labels to a level


@dataclass(frozen=True)
class Comparison:
    """What results say: `verdict` has one row a contrast, `areas` and `cycles` one value a run."""

    measure: str
    budget: str
    curves: pd.DataFrame
    areas: pd.Series
    verdict: pd.DataFrame
    level: float | None
    levels: pd.DataFrame
    penalties: Penalties
    wins: pd.DataFrame
    ranks: Ranks
    twins: dict[str, str]
    headline: str
    details: list[str]
    full_data: float | None
    cycles: pd.Series


def compare(
    results: pd.DataFrame,
    controls: Mapping[str, str],
    measure: str,
    budget: str,
    *,
    target: float | None = None,
    full_data: float | None = None,
) -> Comparison:
    """Compare each strategy with its control, and all with each other.

    results: one row a cycle of each run: strategy, seed, `budget`, `measure`. controls: strategy -> the one
    it is compared with. target: level that savings are told for, else the highest round one that all runs
    of the control reach. full_data: the measure with all labels, if known. Two strategies with equal results
    are counted once. Raises InputError as `curves` does.
    """
    found, controls, same = _each_once(curves(results, measure, budget), controls)
    area = areas(found)
    level = target or _level(found, controls)
    verdict = contrasts(area, controls).sort_values("difference", ascending=False, ignore_index=True)
    saved = None if level is None else savings(found, controls, level)
    headline = sentences.headline(verdict, saved, budget)
    return Comparison(
        measure=measure,
        budget=budget,
        curves=found,
        areas=area,
        verdict=verdict if saved is None else verdict.merge(saved.drop(columns=["control", "n_seeds"])),
        level=level,
        levels=budgets_to(found, _levels(found)),
        penalties=penalties(found, full_data),
        wins=win_tie_loss(area),
        ranks=mean_ranks(area),
        twins=same,
        headline=headline,
        details=[told for told in sentences.by_strategy(verdict, saved, budget) if told != headline],
        full_data=full_data,
        cycles=results.groupby(RUN, sort=False).size(),
    )


def _each_once(
    curves: pd.DataFrame, controls: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, str], dict[str, str]]:
    """Curves and controls without the strategies that are equal to another one, and those: name -> other."""
    same = twins(curves, keep=list(controls.values()))
    left = {name: control for name, control in controls.items() if name not in same}
    return curves.drop(index=same, level="strategy"), left, same


def _level(curves: pd.DataFrame, controls: Mapping[str, str]) -> float | None:
    """Found from the control that most strategies have."""
    usual = Counter(controls.values()).most_common(1)
    return common_level(curves, usual[0][0]) if usual else None


def _levels(curves: pd.DataFrame) -> list[float]:
    """Evenly spaced, from where the lowest mean curve begins to where the highest gets."""
    mean = curves.groupby("strategy").mean()
    return np.linspace(mean.iloc[:, 0].min(), mean.max(axis=None), N_LEVELS).tolist()
