"""The whole comparison of results: every table of it, and its verdict in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from queryloop.statistics import sentences
from queryloop.statistics.curves import RUN, areas, budgets_to, curves, twins
from queryloop.statistics.ranks import Standings, standings
from queryloop.statistics.verdict import common_level, contrasts, savings

N_LEVELS = 25  # of the picture of labels to a level


@dataclass(frozen=True)
class Comparison:
    """What results say: `verdict` has one row a contrast, `areas` and `cycles` one value a run.

    standings are of strategies that share seeds. notes: what a reader must know of imported
    runs.
    """

    measure: str
    budget: str
    curves: pd.DataFrame
    areas: pd.Series
    verdict: pd.DataFrame
    level: float | None
    levels: pd.DataFrame
    standings: Standings
    twins: dict[str, str]
    headline: str
    details: list[str]
    notes: list[str]
    full_data: float | None
    cycles: pd.Series

    @property
    def lacking(self) -> dict[str, str]:
        """Of strategies that have not all seeds, how many they have; their curves are of other seeds."""
        n = self.curves.index.unique("seed").size
        seeds = self.curves.groupby("strategy", sort=False).size()
        return {str(name): f"{has} of {n} seeds" for name, has in seeds.items() if has < n}


def compare(
    results: pd.DataFrame,
    controls: Mapping[str, str],
    measure: str,
    budget: str,
    *,
    target: float | None = None,
    ends: tuple[float, float] | None = None,
    full_data: float | None = None,
    imported: Collection[str] = (),
) -> Comparison:
    """Compare each strategy with its control, and all with each other.

    results: one row a cycle of each run: strategy, seed, `budget`, `measure`. controls: strategy -> its own.
    target: level of the savings, else the highest round one that all runs of the control reach. ends: of
    `levels`, else those of the mean curves. full_data: the measure with all labels. imported: strategies
    with seeds of their own. Two with equal results are counted once. Raises InputError as `curves` does.
    """
    found, controls, same = _each_once(curves(results, measure, budget), controls)
    area, alike = areas(found), _of_one_origin(found, imported)
    runs = results.groupby(RUN, sort=False)[budget].agg(cycles="size", last="max")
    level = target or _level(found, controls)
    verdict, saved = _verdict(found, area, controls, level)
    headline = sentences.headline(verdict, saved, budget)
    return Comparison(
        measure=measure,
        budget=budget,
        curves=found,
        areas=area,
        verdict=verdict,
        level=level,
        levels=budgets_to(found, _levels(found, ends)),
        standings=standings(alike, areas(alike), full_data),
        twins=same,
        headline=sentences.shortened(headline, found, runs),
        details=[told for told in sentences.by_strategy(verdict, saved, budget) if told != headline],
        notes=_notes(found, alike, controls, imported),
        full_data=full_data,
        cycles=runs["cycles"],
    )


def _verdict(
    curves: pd.DataFrame, areas: pd.DataFrame, controls: Mapping[str, str], level: float | None
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Each strategy against its control, best first, and what it saves to the level, if there is one."""
    verdict = contrasts(areas, controls).sort_values("difference", ascending=False, ignore_index=True)
    if level is None:
        return verdict, None
    saved = savings(curves, controls, level)
    return verdict.merge(saved.drop(columns=["control", "n_seeds"])), saved


def _each_once(
    curves: pd.DataFrame, controls: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, str], dict[str, str]]:
    """Curves and controls without the strategies that are equal to another one, and those: name -> other."""
    same = twins(curves, keep=list(controls.values()))
    left = {name: control for name, control in controls.items() if name not in same}
    return curves.drop(index=same, level="strategy"), left, same


def _of_one_origin(curves: pd.DataFrame, imported: Collection[str]) -> pd.DataFrame:
    """Our runs; where there are none, those from elsewhere: seeds of one number are no pair across both."""
    elsewhere = curves.index.get_level_values("strategy").isin(list(imported))
    return curves if elsewhere.all() else curves[~elsewhere]


def _notes(
    curves: pd.DataFrame, alike: pd.DataFrame, controls: Mapping[str, str], imported: Collection[str]
) -> list[str]:
    notes = [
        f"{name} was imported without runs of random: no verdict on it. Add rows of strategy random."
        for name in curves.index.unique("strategy")
        if name in imported and name not in controls and name not in controls.values()
    ]
    if len(alike) < len(curves):
        notes.append(
            "Imported runs share no seed with ours: who beats whom, wins and ranks are of ours only."
        )
    return notes


def _level(curves: pd.DataFrame, controls: Mapping[str, str]) -> float | None:
    """Found from the control that most strategies have."""
    usual = Counter(controls.values()).most_common(1)
    return common_level(curves, usual[0][0]) if usual else None


def _levels(curves: pd.DataFrame, ends: tuple[float, float] | None) -> list[float]:
    """Evenly spaced; without ends from where the lowest mean curve begins to where the highest gets."""
    mean = curves.groupby("strategy").mean()
    low, high = ends or (mean.iloc[:, 0].min(), mean.max(axis=None))
    return np.linspace(low, high, N_LEVELS).tolist()
