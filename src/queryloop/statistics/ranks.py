"""All strategies against each other: descriptive, beside the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import nan, sqrt

import numpy as np
import pandas as pd
from scipy import stats

from queryloop.statistics.curves import DIGITS
from queryloop.statistics.paired import varies
from queryloop.statistics.verdict import ALPHA, POINT, paired


@dataclass(frozen=True)
class Penalties:
    """Share of `budgets` where the strategy of the row significantly beats that of the column."""

    matrix: pd.DataFrame
    budgets: list[float]


def penalties(curves: pd.DataFrame, full_data: float | None = None) -> Penalties:
    """The pairwise penalty matrix (Ash et al. 2020): at each budget a paired t test over the shared seeds.

    M[i, j] is the share of budgets where i beats j with p < 0.05, uncorrected. Left out are the first
    budget, which holds the shared starting set, and saturated ones: where the mean of every strategy is
    within 0.01 of `full_data`, the measure with all labels (without it, none is). NaN where fewer than two
    seeds are shared, or no budget is left.
    """
    names = curves.index.unique("strategy")
    chosen = curves[_informative(curves, full_data)]
    matrix = pd.DataFrame(np.nan, index=names, columns=names.rename("other"))
    for one, other in permutations(names, 2):
        matrix.loc[one, other] = _share_beaten(chosen, one, other)
    return Penalties(matrix, chosen.columns.tolist())


def _informative(curves: pd.DataFrame, full_data: float | None) -> list[float]:
    later = curves.iloc[:, 1:]
    if full_data is None:
        return later.columns.tolist()
    worst = later.groupby("strategy").mean().min()
    return worst.index[worst < full_data - POINT].tolist()


def _share_beaten(curves: pd.DataFrame, one: str, other: str) -> float:
    ours, theirs = (curves.xs(name, level="strategy") for name in (one, other))
    seeds = ours.index.intersection(theirs.index)
    if len(seeds) < 2 or curves.shape[1] == 0:
        return nan
    differences = (ours.loc[seeds] - theirs.loc[seeds]).to_numpy()
    varied = differences[:, varies(differences)]
    wins = (stats.ttest_1samp(varied, 0.0).pvalue < ALPHA) & (varied.mean(axis=0) > 0)
    return float(wins.sum() / differences.shape[1])


def win_tie_loss(areas: pd.Series) -> pd.DataFrame:
    """Seeds in which each strategy's area under the curve is above, equal to and below each other's.

    Returns one row an ordered pair: strategy, other, wins, ties, losses.
    """
    rows = []
    for one, other in permutations(areas.index.unique("strategy"), 2):
        signs = np.sign(paired(areas, one, other).round(DIGITS))
        counts = [int((signs == sign).sum()) for sign in (1, 0, -1)]
        rows.append((one, other, *counts))
    return pd.DataFrame(rows, columns=["strategy", "other", "wins", "ties", "losses"])


@dataclass(frozen=True)
class Ranks:
    """Mean rank of each strategy (1 is best) over `n_seeds`, and what difference of them counts."""

    mean: pd.Series
    critical: float
    friedman_p: float
    n_seeds: int


def mean_ranks(areas: pd.Series) -> Ranks:
    """Ranks by area under the curve within each seed that all strategies have, ties shared, and their mean.

    critical: the difference of two mean ranks that Nemenyi's test calls significant at 0.05 (Demšar 2006);
    friedman_p: of the test that no strategy differs. Both NaN for fewer than three strategies or two seeds.
    The seeds are of one data set: nothing is said of others.
    """
    equal = areas.round(DIGITS)  # ties are none where sums are rounded apart
    table = equal.unstack("seed").dropna(axis="columns").reindex(areas.index.unique("strategy"))
    n_strategies, n_seeds = table.shape
    mean = table.rank(ascending=False).mean(axis=1).sort_values(kind="stable")
    if n_strategies < 3 or n_seeds < 2:
        return Ranks(mean, nan, nan, n_seeds)
    spread = stats.studentized_range.ppf(1 - ALPHA, n_strategies, np.inf) / sqrt(2)
    critical = spread * sqrt(n_strategies * (n_strategies + 1) / (6 * n_seeds))
    return Ranks(mean, float(critical), _friedman(table), n_seeds)


def _friedman(table: pd.DataFrame) -> float:
    if (table.nunique() == 1).all():
        return 1.0
    return float(stats.friedmanchisquare(*table.to_numpy()).pvalue)


@dataclass(frozen=True)
class Standings:
    """Each strategy against each other, at the budgets and by the areas of the seeds they share."""

    penalties: Penalties
    wins: pd.DataFrame
    ranks: Ranks


def standings(curves: pd.DataFrame, areas: pd.Series, full_data: float | None = None) -> Standings:
    """All three of them, of runs whose seeds are of one origin; full_data: the measure with all labels."""
    return Standings(penalties(curves, full_data), win_tie_loss(areas), mean_ranks(areas))
