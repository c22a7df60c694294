"""Each strategy against its control: areas with a test, and labels saved with an interval."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from queryloop.statistics.curves import budget_to, rising
from queryloop.statistics.paired import bootstrap_interval, paired_t, seeds_needed, wilcoxon_p

ALPHA = 0.05
POINT = 0.01
_STEPS = (0.01, 0.005, 0.001)  # of the level that savings are told for


def contrasts(areas: pd.Series, controls: Mapping[str, str]) -> pd.DataFrame:
    """The verdict on each strategy: its area under the curve against that of its control, paired by seed.

    areas: from `curves.areas`. controls: strategy -> the strategy that it is compared with; others, such as
    the control itself, get no row. Returns one row a contrast: strategy, control, n_seeds, difference with
    the ends of its paired t interval (`low`, `high`, 95%, each for itself), p, p_holm (Holm over the rows),
    wilcoxon_p (from 6 seeds), bootstrap_low and bootstrap_high (from 20), seeds_for_a_point (seeds in all
    with which a true difference of 0.01 would be shown, power 0.8, at 0.05 shared out among the rows), and
    verdict: better, worse, no difference shown, or not tested (one seed, or no variation).
    """
    rows = [
        _contrast(areas, strategy, control, ALPHA / len(controls)) for strategy, control in controls.items()
    ]
    found = pd.DataFrame(rows, columns=_CONTRAST)
    found["p_holm"] = _holm(found["p"].to_numpy(float))
    found["verdict"] = [_verdict(row.p_holm, row.difference) for row in found.itertuples()]
    return found


_CONTRAST = [
    *("strategy", "control", "n_seeds", "difference", "low", "high", "p", "p_holm", "wilcoxon_p"),
    *("bootstrap_low", "bootstrap_high", "seeds_for_a_point", "verdict"),
]


def _contrast(areas: pd.Series, strategy: str, control: str, alpha: float) -> dict[str, object]:
    differences = paired(areas, strategy, control)
    found = paired_t(differences)
    low, high = bootstrap_interval(differences)
    return {
        "strategy": strategy,
        "control": control,
        "n_seeds": found.n,
        "difference": found.mean,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "wilcoxon_p": wilcoxon_p(differences),
        "bootstrap_low": low,
        "bootstrap_high": high,
        "seeds_for_a_point": seeds_needed(found.deviation, POINT, alpha),
    }


def paired(values: pd.Series, strategy: str, other: str) -> np.ndarray:
    """Differences strategy minus other, one for each seed that both have."""
    one, two = (values.xs(name, level="strategy") for name in (strategy, other))
    seeds = one.index.intersection(two.index)
    return (one[seeds] - two[seeds]).to_numpy(float)


def _holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p values (1979) of those that are there."""
    # by hand: that of statsmodels collects all garbage of the process at each call
    adjusted, known = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _verdict(p: float, difference: float) -> str:
    if np.isnan(p):
        return "not tested"
    if p >= ALPHA:
        return "no difference shown"
    return "better" if difference > 0 else "worse"


def savings(curves: pd.DataFrame, controls: Mapping[str, str], level: float) -> pd.DataFrame:
    """How many labels each strategy saves against its control, on the way to one level.

    Returns one row a contrast: strategy, control, level, n_seeds, reached and control_reached (seeds that
    reach it), started and control_started (seeds that are there with their first budget), budget and
    control_budget (geometric means), ratio (the control's budget over ours, geometric mean over the seeds)
    with the ends of its 95% interval, a paired t interval of its logarithm, and saved = 1 - 1 / ratio with
    its ends: the share of labels that are not needed. A seed that never reaches the level is censored, and
    so is one that starts there, which may have crossed it before: then there is no mean budget and no ratio,
    only the counts.
    """
    heights = rising(curves)
    reached, started = heights.iloc[:, -1] >= level, heights.iloc[:, 0] >= level
    logs = np.log(budget_to(curves, level)).mask(started)
    at = pd.DataFrame({"log": logs, "reached": reached, "started": started})
    rows = [_saving(at, strategy, control) for strategy, control in controls.items()]
    return pd.DataFrame(rows, columns=_SAVING).assign(level=level)


_SAVING = [
    *("strategy", "control", "level", "n_seeds", "reached", "control_reached", "started", "control_started"),
    *("budget", "control_budget", "ratio", "ratio_low", "ratio_high", "saved", "saved_low", "saved_high"),
]


def _saving(at: pd.DataFrame, strategy: str, control: str) -> dict[str, object]:
    ours, theirs = (at.xs(name, level="strategy") for name in (strategy, control))
    seeds = ours.index.intersection(theirs.index)
    ours, theirs = ours.loc[seeds], theirs.loc[seeds]
    found = paired_t((theirs["log"] - ours["log"]).to_numpy(float))
    ratio, low, high = np.exp([found.mean, found.low, found.high])
    return {
        "strategy": strategy,
        "control": control,
        "n_seeds": len(seeds),
        "reached": ours["reached"].sum(),
        "control_reached": theirs["reached"].sum(),
        "started": ours["started"].sum(),
        "control_started": theirs["started"].sum(),
        "budget": np.exp(ours["log"].mean(skipna=False)),
        "control_budget": np.exp(theirs["log"].mean(skipna=False)),
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
        "saved": 1 - 1 / ratio,
        "saved_low": 1 - 1 / low,
        "saved_high": 1 - 1 / high,
    }


def common_level(curves: pd.DataFrame, control: str) -> float | None:
    """The level that savings are told for: the highest round one that every run of the control reaches.

    Round is a multiple of 0.01; or of 0.005 or 0.001, where such a level is not above the first value of
    every run. None where none is.
    """
    heights = rising(curves)
    start, end = heights.iloc[:, 0].max(), heights.xs(control, level="strategy").iloc[:, -1].min()
    for step in _STEPS:
        level = round(np.floor(end / step + 1e-9) * step, 6)
        if start < level:
            return float(level)
    return None
