"""Runs from elsewhere, as results that stand beside ours."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from queryloop.errors import InputError
from queryloop.statistics.arms import CONTROL

_IMPORTED = " (imported)"
_LARGEST_SEED = 2**53  # beyond it a table read as fractions cannot tell two of them apart


def imported(table: pd.DataFrame, measure: str, budget: str, taken: set[str]) -> pd.DataFrame:
    """Runs from elsewhere as results. table: columns strategy, seed, n_labeled, metric.

    A strategy whose name is taken is called NAME (imported); random is known in any spelling. Raises
    InputError for other columns, no rows, what is no number, fewer labels than 1, two rows of one run with
    as many labels, and a metric outside of 0..1.
    """
    wanted = ["strategy", "seed", "n_labeled", "metric"]
    if sorted(table.columns) != sorted(wanted):
        there = ", ".join(map(str, table.columns)) or "none"
        raise InputError(f"imported results have the columns {', '.join(wanted)}, but these have: {there}.")
    if table.empty:
        raise InputError("the imported results have no rows.")
    numbers = table[wanted[1:]].apply(pd.to_numeric, errors="coerce")
    _refuse_unusable(table, numbers, measure)
    known = [CONTROL if name.lower() == CONTROL else name for name in table["strategy"].astype(str)]
    names = [f"{name}{_IMPORTED}" if name in taken else name for name in known]
    found = numbers.astype({"seed": int}).assign(strategy=names)
    _refuse_twice(table, found)
    return found.rename(columns={"metric": measure, "n_labeled": budget})


def asked_for(results: pd.DataFrame, strategies: Collection[str] | None) -> pd.DataFrame:
    """Imported results of these strategies and of random; all where None."""
    if strategies is None:
        return results
    names = results["strategy"]
    return results[names.str.removesuffix(_IMPORTED).isin(strategies) | names.map(_is_random)]


def _refuse_unusable(table: pd.DataFrame, numbers: pd.DataFrame, measure: str) -> None:
    no_seed = (numbers["seed"] % 1 != 0) | (numbers["seed"].abs() > _LARGEST_SEED)
    bad = table[numbers.isna().any(axis=1) | no_seed | table["strategy"].isna()]
    if len(bad):
        raise InputError(
            f"row {bad.index[0] + 1} of the imported results is not usable: {bad.iloc[0].to_dict()}."
        )
    if len(few := table[numbers["n_labeled"] < 1]):
        raise InputError(
            f"row {few.index[0] + 1} of the imported results has n_labeled {few['n_labeled'].iloc[0]}: "
            "a network has learnt from one label at least."
        )
    if not numbers["metric"].between(0, 1).all():
        far = numbers.loc[~numbers["metric"].between(0, 1), "metric"].iloc[0]
        raise InputError(
            f"a metric of the imported results is {far:g}, but {measure} goes from 0 to 1: "
            "divide percents by 100."
        )


def _refuse_twice(table: pd.DataFrame, found: pd.DataFrame) -> None:
    """Two rows of one run may be spelled differently: random and Random, 100 and 100.0."""
    twice = found.duplicated(["strategy", "seed", "n_labeled"])
    if twice.any():
        raise InputError(
            f"row {table.index[twice][0] + 1} of the imported results is of the same strategy "
            f"({found.loc[twice, 'strategy'].iloc[0]}), seed and n_labeled as one before: "
            f"{table[twice].iloc[0].to_dict()}."
        )


def controls_of_imported(results: pd.DataFrame) -> dict[str, str]:
    """Each imported strategy with the random runs that were imported with it; none without.

    Of several, as `random (main)` and `random (other)`, the one of the strategy's own name in brackets, or
    the plain one.
    """
    names = results["strategy"].drop_duplicates().tolist()
    controls = [name for name in names if _is_random(name)]
    found = {name: _control(name, controls) for name in names if name not in controls}
    return {name: control for name, control in found.items() if control is not None}


def _is_random(name: str) -> bool:
    return name == CONTROL or name.startswith(f"{CONTROL} (")


def _control(name: str, controls: list[str]) -> str | None:
    _, bracket, origin = name.partition(" (")
    for wanted in (f"{CONTROL}{bracket}{origin}", CONTROL, CONTROL + _IMPORTED):
        if wanted in controls:
            return wanted
    return controls[0] if len(controls) == 1 else None
