"""What differences between runs of the same seeds say."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, nan

import numpy as np
from scipy import stats
from statsmodels.stats.power import TTestPower

POWER = 0.8
_MOST = 1_000_000  # seeds; nobody runs more
_ROUNDING = 1e-12  # more than rounding leaves of numbers around 1, less than any test set tells apart


@dataclass(frozen=True)
class Difference:
    """The mean of n paired differences with its t interval and its p value; NaN where there is none."""

    n: int
    mean: float
    low: float
    high: float
    p: float
    deviation: float


def varies(differences: np.ndarray) -> np.ndarray:
    """Whether differences, one a seed along the first axis, are not all the same but for rounding."""
    return np.ptp(differences, axis=0) > _ROUNDING


def paired_t(differences: np.ndarray) -> Difference:
    """Two-sided t test of differences against 0, and the 95% interval of their mean.

    differences: (n,), one a seed. One seed has a mean only. Differences that are all 0 have p = 1; that are
    all the same other number have neither test nor interval (NaN), since nothing says how much they vary.
    """
    n = len(differences)
    mean = float(np.mean(differences)) if n else nan
    if n < 2:
        return Difference(n, mean, nan, nan, nan, nan)
    deviation = float(np.std(differences, ddof=1))
    if not varies(differences):
        low, high, p = (0.0, 0.0, 1.0) if abs(mean) <= _ROUNDING else (nan, nan, nan)
        return Difference(n, mean, low, high, p, 0.0)
    found = stats.ttest_1samp(differences, 0.0)
    interval = found.confidence_interval(0.95)
    return Difference(n, mean, float(interval.low), float(interval.high), float(found.pvalue), deviation)


def wilcoxon_p(differences: np.ndarray) -> float:
    """p value of Wilcoxon's signed-rank test; NaN below 6 seeds, with which it cannot fall below 0.05."""
    if len(differences) < 6 or not np.any(differences):
        return nan
    return float(stats.wilcoxon(differences).pvalue)


def bootstrap_interval(differences: np.ndarray) -> tuple[float, float]:
    """BCa bootstrap 95% interval of the mean (Efron 1987); NaN below 20 seeds, where it is too narrow."""
    if len(differences) < 20 or not varies(differences):
        return nan, nan
    found = stats.bootstrap((differences,), np.mean, confidence_level=0.95, rng=0)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def seeds_needed(deviation: float, difference: float, alpha: float = 0.05) -> float:
    """Seeds with which a paired t test finds a true difference in four of five cases (power 0.8).

    deviation: of the differences between seeds, in the unit of `difference`. NaN where it is not known.
    """
    if np.isnan(deviation):
        return nan
    if deviation == 0 or _power(difference / deviation, 2, alpha) >= POWER:
        return 2
    if _power(difference / deviation, _MOST, alpha) < POWER:
        return nan
    low, high = 2, 4  # power rises with the number of seeds
    while _power(difference / deviation, high, alpha) < POWER:
        low, high = high, 2 * high
    while high - low > 1:
        middle = ceil((low + high) / 2)
        enough = _power(difference / deviation, middle, alpha) >= POWER
        low, high = (low, middle) if enough else (middle, high)
    return high


def _power(effect: float, n: int, alpha: float) -> float:
    """Chance that the difference is shown on its own side."""
    # of both sides together it is NaN, often, where the other side should be nothing
    return float(TTestPower().power(effect, n, alpha / 2, alternative="larger"))
