"""Tables as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from queryloop.statistics.comparison import Comparison
from queryloop.statistics.sentences import measure_of, unit_of

_SHARES = {"level", "evenness", "redundancy"}
_NONE = "–"


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The table as text: shares in percent, whole numbers with separators, a dash where there is none."""
    return pd.DataFrame({name: [_text(name, value) for value in table[name]] for name in table.columns})


def contrasts_shown(comparison: Comparison) -> pd.DataFrame:
    """The verdict with differences in points."""
    rows = comparison.verdict
    found = pd.DataFrame(
        {
            "strategy": rows["strategy"],
            "verdict": rows["verdict"],
            "points": [_form(100 * value, "+.1f") for value in rows["difference"]],
            "95% interval": _ranges(100 * rows["low"], 100 * rows["high"], "+.1f"),
            "p by Holm": _chances(rows["p_holm"]),
            "p by Wilcoxon": _chances(rows["wilcoxon_p"]),
            "bootstrap interval": _ranges(100 * rows["bootstrap_low"], 100 * rows["bootstrap_high"], "+.1f"),
            "seeds": rows["n_seeds"],
            "against": rows["control"],
        }
    )
    without = [name for name in _FROM_MANY_SEEDS if (found[name] == _NONE).all()]
    return found.drop(columns=without)


def savings_shown(comparison: Comparison) -> pd.DataFrame:
    """What is saved on the way to the level, in percent; how many seeds get there."""
    rows = comparison.verdict
    return pd.DataFrame(
        {
            "strategy": rows["strategy"],
            "saved": [_form(100 * value, ".0f", "%") for value in rows["saved"]],
            "95% interval": _ranges(100 * rows["saved_low"], 100 * rows["saved_high"], ".0f"),
            "needs": [_form(value, ",.0f") for value in rows["budget"]],
            "control needs": [_form(value, ",.0f") for value in rows["control_budget"]],
            "seeds there": [f"{row.reached} of {row.n_seeds}" for row in rows.itertuples()],
            "control there": [f"{row.control_reached} of {row.n_seeds}" for row in rows.itertuples()],
        }
    )


def led_shown(effort: pd.DataFrame) -> pd.DataFrame:
    """How far the labels of boxes led: the columns of `effort` that are results."""
    names = [name for name in effort.columns if name.startswith(("final_", "aubc_")) or name in _LED]
    return shown(effort[names]).rename(columns=_said)


_LED = ("strategy", "n_seeds", "foreground_efficiency")


def _said(column: str) -> str:
    kind, _, rest = column.partition("_")
    return {"aubc": f"AUBC {unit_of(rest)}", "final": f"final {measure_of(rest)}", "n": rest}.get(
        kind, column
    )


def annotated_shown(effort: pd.DataFrame) -> pd.DataFrame:
    """What was annotated of boxes, each number with its share of the pool."""
    names = [name for name in ("boxes", "cases", "voxels", "foreground_voxels") if name in effort]
    found = shown(effort[["strategy", *names]])
    for name in names:
        if f"{name}_share" in effort:
            shares = [_form(100 * share, ".2g", "%") for share in effort[f"{name}_share"]]
            found[name] = [f"{number} ({share})" for number, share in zip(found[name], shares, strict=True)]
    if "mean_class_share" in effort:
        found["classes"] = [_form(100 * share, ".2g", "%") for share in effort["mean_class_share"]]
    return found


_FROM_MANY_SEEDS = ("p by Wilcoxon", "bootstrap interval")


def _chances(values: Iterable[float]) -> list[str]:
    return ["<0.001" if value < 0.001 else _form(value, ".3f") for value in values]


def _ranges(lows: Iterable[float], highs: Iterable[float], form: str) -> list[str]:
    ends = zip(lows, highs, strict=True)
    return [_NONE if np.isnan(low) else f"{low:{form}} to {high:{form}}" for low, high in ends]


def _form(value: float, form: str, unit: str = "") -> str:
    return _NONE if np.isnan(value) else f"{value:{form}}{unit}"


def _text(name: str, value: object) -> str:
    if pd.isna(value):
        return _NONE
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return str(value)
    number = float(value)
    if name in _SHARES:
        return f"{100 * number:.1f}%"
    if number.is_integer():
        return f"{number:,.0f}"
    return f"{number:,.1f}" if abs(number) >= 100 else f"{number:.3g}"
