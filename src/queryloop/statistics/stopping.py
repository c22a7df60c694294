"""When another label is no longer worth asking for: rules over what was measured, never on the test set."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
import pandas as pd

from queryloop.errors import OptionsError
from queryloop.options import ExperimentOptions, StopOptions


def check_stop(options: ExperimentOptions) -> None:
    """Raise OptionsError for a rule that can never be looked at."""
    stop = options.stop
    if stop.plateau is not None and not options.data.validation:
        raise OptionsError(
            "stop.plateau looks at the validation set, but data.validation is 0: add data.validation:0.1."
        )
    if stop.target is not None and not (options.data.validation or options.query.control_share):
        raise OptionsError(
            "stop.target looks at the validation set or at control labels, but there are none of either: add "
            "data.validation:0.1 or query.control_share:0.1."
        )


def check_start(n: int, stop: StopOptions) -> None:
    """Raise OptionsError for a starting set of `n` that goes beyond the budget before the first query."""
    if stop.budget is not None and stop.budget < n:
        raise OptionsError(f"stop.budget is {stop.budget}, which is less than the start of {n} labels.")


def stop_reason(metrics: pd.DataFrame, n_asked: int, stop: StopOptions) -> str | None:
    """Which rule ends the experiment, in words, or None. The first of budget, target and plateau is told.

    metrics: its table `metrics`, a row or more. n_asked: size of the open query.
    """
    n_labeled = int(metrics["n_labeled"].iloc[-1])
    if stop.budget is not None and n_labeled + n_asked > stop.budget:
        return f"stop.budget: {n_labeled} labels, and {n_asked} more would be over {stop.budget}"
    measure = next((name for name in _WATCHED if name in metrics and metrics[name].notna().any()), None)
    if measure is None:
        return None
    values = metrics[measure].dropna().to_numpy(float)
    if stop.target is not None and values[-1] >= stop.target:
        return f"stop.target: {measure} {values[-1]:.4f} has reached {stop.target}"
    if stop.plateau is not None and (waited := cycles_without_gain(values, stop.gain)) >= stop.plateau:
        return f"stop.plateau: {measure} has not risen by more than {stop.gain} for {waited} cycles"
    return None


_WATCHED = ("val_accuracy", "pool_low")
"""Of control labels the lower end of the interval: with few of them, all can be right by chance."""


def cycles_without_gain(values: np.ndarray, gain: float) -> int:
    """Cycles since the last value that was higher by more than `gain` than the best one until then."""
    best, since = -np.inf, 0
    for value in values:
        since = 0 if value > best + gain else since + 1
        best = max(best, value) if since == 0 else best
    return since


def kappa(first: np.ndarray, second: np.ndarray) -> float:
    """Cohen's kappa of two lists of classes, (N,) each; 1 where they are equal throughout (Cohen 1960)."""
    both = np.union1d(first, second)
    shares = [(np.searchsorted(both, some), len(some)) for some in (first, second)]
    counts = [np.bincount(numbers, minlength=len(both)) / n for numbers, n in shares]
    chance, agreed = float(counts[0] @ counts[1]), float((first == second).mean())
    return 1.0 if agreed == 1 else (agreed - chance) / (1 - chance)


def is_stable(kappas: Sequence[float], stop: StopOptions) -> bool:
    """Whether the mean of the last kappas between one network and the next has reached `stop.agreement`.

    Bloodgood and Vijay-Shanker 2009. kappas: oldest first.
    """
    last = kappas[-stop.window :]
    mean = float(np.mean(last)) if len(last) == stop.window else nan
    return stop.agreement is not None and mean >= stop.agreement
