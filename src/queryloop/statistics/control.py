"""What labels drawn at random say of a network that had not seen them: how good it is, without a test set."""

from __future__ import annotations

from bisect import bisect_left

import pandas as pd
from scipy.stats import hypergeom

from queryloop.statistics.paired import Difference, paired_t

ENOUGH = 200
"""Control labels from which on the gain over random is told."""

ESTIMATES = [
    *("n_control", "control_accuracy", "control_low", "control_high"),
    *("population_accuracy", "population_low", "population_high"),
]
"""Columns of `metrics`, in the row of the network that they are about."""


def bounds(right: int, n: int, total: int, confidence: float = 0.95) -> tuple[int, int]:
    """Fewest and most that can be right among `total`, of which n were drawn without replacement.

    right: how many of the n are. The exact interval of a finite population (Buonaccorsi 1987): Clopper and
    Pearson's with the hypergeometric distribution. It covers the true number in at least `confidence` of all
    draws, and is a single number where all were drawn.
    """
    tail, numbers = (1 - confidence) / 2, range(total + 1)
    low = bisect_left(numbers, True, key=lambda k: bool(hypergeom.sf(right - 1, total, k, n) > tail))
    above = bisect_left(numbers, True, key=lambda k: bool(hypergeom.cdf(right, total, k, n) <= tail))
    return low, above - 1


def estimates(labeled: pd.DataFrame, n_pool: int) -> pd.DataFrame:
    """How good the network of each cycle was on what it had not seen, by the labels asked for after it.

    labeled: labelled set, with `control` and `predicted` from the first query with control samples on.
    n_pool: samples without a label. Returns one row for each cycle but the last, whose query is not
    answered: cycle, n_control, control_accuracy with the ends of its 95% interval (of what the strategy left
    in the pool), population_accuracy with its ends (of all training samples but the starting set; those
    already asked for count as the network saw them that asked).
    """
    cycles = range(1, labeled["cycle"].max()) if "control" in labeled else ()
    rows = [_estimated(labeled, n_pool, cycle) for cycle in cycles]
    return pd.DataFrame(rows, columns=["cycle", *ESTIMATES]).astype({"cycle": "int64", "n_control": "Int64"})


def _estimated(labeled: pd.DataFrame, n_pool: int, cycle: int) -> dict[str, float]:
    asked = labeled[labeled["cycle"].between(2, cycle + 1)]
    is_right = asked["predicted"] == asked["label"]
    is_new = asked["cycle"] == cycle + 1
    is_drawn = is_new & asked["control"]
    n, right = int(is_drawn.sum()), int(is_right[is_drawn].sum())
    n_left = n_pool + int((labeled["cycle"] > cycle).sum()) - int((is_new & ~is_drawn).sum())
    known, total = int(is_right[~is_drawn].sum()), int((~is_drawn).sum()) + n_left
    low, high = bounds(right, n, n_left)
    return {
        "cycle": cycle,
        "n_control": n,
        "control_accuracy": right / n,
        "control_low": low / n_left,
        "control_high": high / n_left,
        "population_accuracy": (known + n_left * right / n) / total,
        "population_low": (known + low) / total,
        "population_high": (known + high) / total,
    }


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
        f"network of cycle {row['cycle']:.0f}: {_share(row, 'population')} of the population right, "
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


def gain_told(name: str, judged: pd.DataFrame) -> str:
    """The gain of a strategy over random in words, with a paired t interval over the samples.

    judged: one row a control sample: strategy and random, whether the network of either way was right on it;
    n_labels, on which each was trained.
    """
    ours, theirs = (100 * judged[way].mean() for way in ("strategy", "random"))
    found = paired_t((judged["strategy"].astype(float) - judged["random"]).to_numpy())
    low, high = 100 * found.low, 100 * found.high
    n_labels = " to ".join(map(str, sorted({judged["n_labels"].min(), judged["n_labels"].max()})))
    return (
        f"{_verdict(name, found)}: {ours:.1f}% right with {n_labels} labels that {name} asked for, "
        f"{theirs:.1f}% with as many random ones, {100 * found.mean:+.1f} points "
        f"(95% interval {low:+.1f} to {high:+.1f}), judged on {found.n} control labels."
    )


def _verdict(name: str, found: Difference) -> str:
    if found.low > 0:
        return f"{name} is ahead of random"
    return f"{name} is behind random" if found.high < 0 else f"no gain of {name} over random is shown"
