"""The verdict in words, each time with its uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from queryloop.errors import examples

UNITS = {"n_labeled": "labels"}
MEASURES = {"dice": "Dice", "macro_f1": "macro F1", "nll": "NLL"}


def unit_of(budget: str) -> str:
    """What a column of the metrics counts, in words."""
    return UNITS.get(budget, budget.replace("_", " "))


def measure_of(measure: str) -> str:
    """What a column of the metrics measures, in words."""
    return MEASURES.get(measure, measure.replace("_", " "))


def headline(contrasts: pd.DataFrame, savings: pd.DataFrame | None, budget: str) -> str:
    """The answer in one sentence: the best of the strategies that are ahead, or that none can be shown.

    contrasts, savings: from `verdict`, one row a strategy, in the same order; savings None where no level
    can be told. budget: the column that counts labels.
    """
    if contrasts.empty:
        return "There is nothing to compare: no strategy has a random arm beside it."
    ahead = contrasts[contrasts["verdict"] == "better"].sort_values("difference", ascending=False)
    if not ahead.empty:
        best = ahead.iloc[0]
        return _ahead(best, _of(savings, best["strategy"]), unit_of(budget)) + _also(contrasts, best)
    if (contrasts["verdict"] == "not tested").all():
        return untested(contrasts.iloc[contrasts["n_seeds"].argmax()])
    return _none_ahead(contrasts)


def shortened(headline: str, curves: pd.DataFrame, runs: pd.DataFrame) -> str:
    """The headline, behind the budgets that it speaks of where runs go on for more than half a cycle beyond.

    curves: from `curves`. runs: one row a run as in curves, with its number of `cycles` and `last` budget.
    """
    first, last = curves.columns[0], curves.columns[-1]
    beyond = runs["last"] - last
    if not (beyond > 0.5 * (runs["last"] - first) / (runs["cycles"] - 1)).any():
        return headline
    ends = runs["last"].groupby("strategy", sort=False).min()
    short = ends.index[ends == ends.min()]
    where = f"where {examples(short)} {'ends' if len(short) == 1 else 'end'}"
    if ends.min() > last:
        where = "the budgets that all runs have"
    unit = unit_of(str(curves.columns.name))
    return f"From {first:,.0f} to {last:,.0f} {unit} only, {where}: {headline}"


def by_strategy(contrasts: pd.DataFrame, savings: pd.DataFrame | None, budget: str) -> list[str]:
    """One sentence for each row of contrasts: what is shown of its area; then, of the labels it needs.

    Labels saved are told only where a difference is shown, so that no second claim is made of it.
    """
    unit = unit_of(budget)
    return [_area(row) + _needed(row, savings, unit) for _, row in contrasts.iterrows()]


def _needed(row: pd.Series, savings: pd.DataFrame | None, unit: str) -> str:
    saving = _of(savings, row["strategy"])
    told = saving is not None and row["verdict"] in ("better", "worse")
    return f" {_need(saving, unit)}." if told else ""


def _of(savings: pd.DataFrame | None, strategy: str) -> pd.Series | None:
    return None if savings is None else savings[savings["strategy"] == strategy].iloc[0]


def _ahead(best: pd.Series, saving: pd.Series | None, unit: str) -> str:
    if saving is None or not saving["saved_low"] > 0:
        return _area(best).rstrip(".")
    return f"{best['strategy']} {_amount(saving, unit)}, {best['n_seeds']} seeds"


def _also(contrasts: pd.DataFrame, best: pd.Series) -> str:
    others = contrasts[contrasts["strategy"] != best["strategy"]]
    parts = [
        f"{words}: {', '.join(others.loc[others['verdict'] == verdict, 'strategy'])}"
        for verdict, words in (("better", "also ahead"), ("worse", "behind"))
        if (others["verdict"] == verdict).any()
    ]
    return "".join(f"; {part}" for part in parts) + "."


def _none_ahead(contrasts: pd.DataFrame) -> str:
    tested = contrasts[contrasts["verdict"] != "not tested"]
    behind = tested.loc[tested["verdict"] == "worse", "strategy"]
    if len(behind) == len(tested):
        return f"{_listed(behind)} {'is' if len(behind) == 1 else 'are'} behind {_controls(tested)}."
    open_ones = tested[tested["verdict"] == "no difference shown"]
    what = "No difference" if behind.empty else f"Behind: {_listed(behind)}. Of the others no difference"
    seeds = sorted({int(open_ones["n_seeds"].min()), int(open_ones["n_seeds"].max())})
    told = f"{what} from {_controls(open_ones)} can be shown with {' to '.join(map(str, seeds))} seeds"
    return f"{told}{_more_seeds(open_ones)}."


def _more_seeds(rows: pd.DataFrame) -> str:
    """How many more would do, from the strategy that varies least to the one that varies most."""
    more = (rows["seeds_for_a_point"] - rows["n_seeds"]).dropna()
    if more.empty:
        return ""
    if more.max() <= 0:
        return ", though one of 1 point would be"
    ends = sorted({max(1, int(more.min())), int(more.max())})
    return f": {' to '.join(f'{end:,}' for end in ends)} more would show one of 1 point"


def _area(row: pd.Series) -> str:
    if row["verdict"] == "not tested":
        return untested(row)
    strategy, control, points = row["strategy"], row["control"], 100 * row["difference"]
    interval = f"95% interval {100 * row['low']:.1f} to {100 * row['high']:.1f}"
    how = f"{interval}, {_p(row['p_holm'])} by Holm, {row['n_seeds']} seeds"
    if row["verdict"] == "no difference shown":
        more = _more_seeds(row.to_frame().T)
        return f"{strategy}: no difference from {control} is shown ({points:+.1f} points, {how}{more})."
    side = "ahead of" if points > 0 else "behind"
    return f"{strategy} is {abs(points):.1f} points {side} {control} over the budgets ({how})."


def untested(row: pd.Series) -> str:
    """Why there is no test."""
    strategy, control, n = row["strategy"], row["control"], int(row["n_seeds"])
    if n == 0:
        return f"{strategy} shares no seed with {control}: nothing can be compared."
    if n == 1:
        return (
            f"{strategy} and {control} share one seed only: the difference of "
            f"{100 * row['difference']:+.1f} points proves nothing, and no test was run."
        )
    return f"{strategy} differs from {control} by the same in all {n} seeds: no test can be made of that."


def _need(saving: pd.Series, unit: str) -> str:
    level = f"{100 * saving['level']:.4g}%"
    n = saving["n_seeds"]
    if saving["started"] or saving["control_started"]:
        ours = f"{saving['started']} of {n} seeds start at or above {level}"
        return f"{ours} ({saving['control']}: {saving['control_started']} of {n}): no labels saved are told"
    if not np.isfinite(saving["ratio"]) or min(saving["reached"], saving["control_reached"]) < n:
        ours = f"{saving['reached']} of {n} seeds reached {level}"
        return f"{ours} ({saving['control']}: {saving['control_reached']} of {n})"
    return f"It {_amount(saving, unit)}"


def _amount(saving: pd.Series, unit: str) -> str:
    said = f"{100 * abs(saving['saved']):.0f}% {'fewer' if saving['saved'] >= 0 else 'more'} {unit}"
    told = f"needs {said} than {saving['control']} to reach {100 * saving['level']:.4g}%"
    if np.isnan(saving["saved_low"]):
        return told
    return f"{told} (95% interval {_range(saving['saved_low'], saving['saved_high'])})"


def _range(low: float, high: float) -> str:
    if low >= 0:
        return f"{100 * low:.0f} to {100 * high:.0f}"
    if high <= 0:
        return f"{-100 * high:.0f} to {-100 * low:.0f}"
    return f"{-100 * low:.0f}% more to {100 * high:.0f}% fewer"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _controls(rows: pd.DataFrame) -> str:
    return _listed(rows["control"].drop_duplicates())


def _listed(names: Any) -> str:
    *first, last = list(names)
    return f"{', '.join(first)} and {last}" if first else last
