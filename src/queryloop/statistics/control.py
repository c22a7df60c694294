"""What labels drawn at random say of a network that had not seen them: how good it is, without a test set."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from queryloop.statistics.paired import paired_t

ENOUGH = 200
"""Control labels from which on the gain over random is told."""

ESTIMATES = [
    *("n_control", "control_accuracy", "control_low", "control_high"),
    *("pool_accuracy", "pool_low", "pool_high"),
]
"""Columns of `metrics`, in the row of the network that they are about."""


def bounds(right: int, n: int, total: int) -> tuple[int, int]:
    """Fewest and most that can be right among `total`, of which n were drawn without replacement.

    right: how many of the n are. The exact interval of a finite population (Buonaccorsi 1987): Clopper and
    Pearson's with the hypergeometric distribution. It covers the true number in at least 95% of all
    draws, and is a single number where all were drawn.
    """
    tail, numbers = 0.025, range(total + 1)
    low = bisect_left(numbers, True, key=lambda k: bool(hypergeom.sf(right - 1, total, k, n) > tail))
    above = bisect_left(numbers, True, key=lambda k: bool(hypergeom.cdf(right, total, k, n) <= tail))
    return low, above - 1


def estimates(labeled: pd.DataFrame, n_pool: int) -> pd.DataFrame:
    """How good the network of each cycle was on what it had not seen, by the labels asked for after it.

    labeled: labelled set, with `control` and `predicted` from the first query with control samples on.
    n_pool: samples without a label. Returns one row for each cycle but the last, whose query is not
    answered: cycle, n_control; control_accuracy, of what the strategy left in the pool, with the ends of its
    95% interval; pool_accuracy, of the whole pool in which the network asked, with its ends.
    """
    cycles = range(1, labeled["cycle"].max()) if "control" in labeled else ()
    rows = [_estimated(labeled, n_pool, cycle) for cycle in cycles]
    return pd.DataFrame(rows, columns=["cycle", *ESTIMATES]).astype({"cycle": "int64", "n_control": "Int64"})


def _estimated(labeled: pd.DataFrame, n_pool: int, cycle: int) -> dict[str, float]:
    asked = labeled[labeled["cycle"] == cycle + 1]
    drawn, chosen = (part["predicted"] == part["label"] for part in _parts(asked))
    in_pool = n_pool + int((labeled["cycle"] > cycle).sum())
    left, n, right = in_pool - len(chosen), len(drawn), int(drawn.sum())
    low, high = bounds(right, n, left)
    known = int(chosen.sum())
    return {
        "cycle": cycle,
        "n_control": n,
        "control_accuracy": right / n,
        "control_low": low / left,
        "control_high": high / left,
        "pool_accuracy": (known + left * right / n) / in_pool,
        "pool_low": (known + low) / in_pool,
        "pool_high": (known + high) / in_pool,
    }


def _parts(asked: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was drawn at random, and what the strategy chose."""
    return asked[asked["control"]], asked[~asked["control"]]


def with_estimates(metrics: pd.DataFrame, labeled: pd.DataFrame, n_pool: int) -> pd.DataFrame:
    """Table `metrics` with the estimates from the newest labels; as it is where there are none."""
    found = estimates(labeled, n_pool)
    if found.empty:
        return metrics
    return metrics.drop(columns=ESTIMATES, errors="ignore").merge(found, on="cycle", how="left")


def told(metrics: pd.DataFrame) -> str | None:
    """The newest estimate in words, or None where there is none."""
    known = metrics[metrics["n_control"].notna()] if "n_control" in metrics else metrics.iloc[:0]
    if known.empty:
        return None
    row = known.iloc[-1]
    return (
        f"network of cycle {row['cycle']:.0f}: {_share(row, 'pool')} of the pool right, "
        f"{_share(row, 'control')} of what the strategy left, by {row['n_control']:.0f} control labels"
    )


def _share(row: pd.Series, what: str) -> str:
    accuracy, low, high = (100 * row[f"{what}_{part}"] for part in ("accuracy", "low", "high"))
    return f"{accuracy:.1f}% (95% interval {low:.1f} to {high:.1f})"


def missing(n_control: int) -> str | None:
    """How many control labels are missing until the gain over random can be told; None where none are."""
    if n_control >= ENOUGH:
        return None
    return f"told from {ENOUGH} control labels on; there are {n_control}, {ENOUGH - n_control} are missing"


@dataclass(frozen=True)
class Gain:
    """Accuracy (0..1) with a strategy's labels and with random ones, and the interval of the difference."""

    strategy: float
    random: float
    low: float
    high: float


def gain(judged: pd.DataFrame) -> Gain:
    """How far a strategy is ahead of random, with a 95% interval over the folds.

    judged: one row a control sample: fold, and of strategy and random whether the network of either way,
    which was trained without this fold, was right on it. A t interval over the folds' differences, widened
    since trainings share most of their labels (Nadeau and Bengio 2003).
    """
    folds = judged.groupby("fold")[["strategy", "random"]].mean()
    found, k = paired_t((folds["strategy"] - folds["random"]).to_numpy()), len(folds)
    wider = np.sqrt(1 + k / (k - 1))
    low, high = (found.mean + wider * (end - found.mean) for end in (found.low, found.high))
    if found.deviation == 0:  # the same in all folds: it may be anything
        low, high = -1.0, 1.0
    return Gain(float(folds["strategy"].mean()), float(folds["random"].mean()), low, high)


def gain_told(name: str, judged: pd.DataFrame) -> str:
    """The gain of a strategy over random in words. judged: as in `gain`, with n_labels to train on."""
    found = gain(judged)
    n_labels = " to ".join(map(str, sorted({judged["n_labels"].min(), judged["n_labels"].max()})))
    return (
        f"{_verdict(name, found)}: {100 * found.strategy:.1f}% right with {n_labels} labels that {name} "
        f"asked for, {100 * found.random:.1f}% with as many random ones, "
        f"{100 * (found.strategy - found.random):+.1f} points (95% interval {100 * found.low:+.1f} to "
        f"{100 * found.high:+.1f}), judged on {len(judged)} control labels."
    )


def _verdict(name: str, found: Gain) -> str:
    if found.low > 0:
        return f"{name} is ahead of random"
    return f"{name} is behind random" if found.high < 0 else f"no gain of {name} over random is shown"
