"""Samples that are asked for at random, in one order throughout, beside those that a strategy chooses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from queryloop.options import QueryOptions
from queryloop.randomness import uniform_by_id
from queryloop.samples.queries import count_of, query, query_size


def query_parts(options: QueryOptions, labeled: pd.DataFrame, pool: pd.DataFrame) -> tuple[int, int]:
    """How many samples the strategy chooses, and how many are drawn at random (control_share, at least 1)."""
    n = query_size(options, labeled, pool)
    if not options.control_share:
        return n, 0
    n = min(n, len(pool))
    n_control = min(n, count_of(options.control_share, n))
    return n - n_control, n_control


def with_control(chosen: pd.DataFrame, pool: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """The strategy's choice, and behind it the n samples of the rest of the pool that are first in the order.

    Adds the column `control`. The order is random and knows nothing of networks or strategies: whatever the
    strategy has taken, what comes next in it is a simple random sample of what is left.
    """
    left = pool.loc[~pool["sample_id"].isin(chosen["sample_id"]), "sample_id"]
    drawn = left.iloc[np.argsort(_order(left.tolist(), seed))[:n]]
    scores = np.append(chosen["score"].to_numpy(), np.full(len(drawn), np.nan))
    asked = query([*chosen["sample_id"], *drawn], scores)
    return asked.assign(control=asked["rank"] > len(chosen))


def random_sample(labeled: pd.DataFrame, pool: pd.DataFrame, sampler: str, seed: int) -> pd.DataFrame:
    """The labelled samples that the order has reached, in that order: those before its first one in the pool.

    A simple random sample of all training samples, whoever asked for them: a sample that the strategy took
    before its turn came counts, too. Without the starting set where that was drawn at random itself, as
    another such sample.
    """
    order = _order(labeled["sample_id"].tolist(), seed)
    reached = order < _order(pool["sample_id"].tolist(), seed).min(initial=1.0)
    if sampler == "random":
        reached &= (labeled["cycle"] > 1).to_numpy()
    return labeled[reached].iloc[np.argsort(order[reached])]


def as_many_each(
    labeled: pd.DataFrame, control: pd.DataFrame, held_out: pd.DataFrame, sampler: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two labelled sets of one size to compare: a random one, and the first that was asked for otherwise.

    control: from `random_sample`. Neither holds anything of `held_out`; both begin with the starting set
    where it was drawn at random.
    """
    start = labeled[(labeled["cycle"] == 1) & (sampler == "random")]
    random = pd.concat([start, control[~control["sample_id"].isin(held_out["sample_id"])]])
    asked = labeled[~labeled["control"] & ~labeled["sample_id"].isin(held_out["sample_id"])]
    n = min(len(random), len(asked))
    return random.head(n), asked.sort_values(["cycle", "rank"]).head(n)


def _order(ids: Sequence[str], seed: int) -> np.ndarray:
    return uniform_by_id(seed, 0, "control", ids)
