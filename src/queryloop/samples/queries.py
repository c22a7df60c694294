"""What is asked for, what was answered, and what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from queryloop.errors import StateError, examples
from queryloop.options import QueryOptions
from queryloop.randomness import derived_seed, uniform_by_id
from queryloop.samples.schema import MORE, table

_NO_BOXES: Mapping[str, np.ndarray] = {}


def count_of(size: float, total: int) -> int:
    """A size as a number of samples: counts stay, fractions are of `total`, at least 1."""
    return int(size) if size >= 1 else max(1, round(size * total))


def query(
    ids: Sequence[str], scores: np.ndarray | None = None, boxes: Mapping[str, np.ndarray] = _NO_BOXES
) -> pd.DataFrame:
    """A query table, best first: sample_id, rank (from 1), score (null where there is none).

    boxes: where each of them lies, by the columns of `BOX`, and by which class it was found, where they are
    boxes.
    """
    score = np.full(len(ids), np.nan) if scores is None else scores
    ranked = {"sample_id": list(ids), "rank": np.arange(1, len(ids) + 1), "score": score}
    return table("query", {**ranked, **boxes})


def query_size(options: QueryOptions, labeled: pd.DataFrame, pool: pd.DataFrame) -> int:
    """How many samples are asked for: a fraction is one of labelled set and pool together."""
    return count_of(options.size, len(labeled) + len(pool))


def query_seed(seed: int, labeled: pd.DataFrame) -> int:
    """The seed of the draws that choose the query after this labelled set."""
    return derived_seed(seed, next_cycle(labeled) - 1, "query")


def candidates(
    pool: pd.DataFrame, n: int | None, seed: int, cycle: int, purpose: str = "candidates"
) -> pd.DataFrame:
    """The part of the pool that is scored: n rows drawn by (seed, cycle, id), or all; order kept."""
    if n is None or n >= len(pool):
        return pool
    keys = uniform_by_id(seed, cycle, purpose, pool["sample_id"].tolist())
    return pool.iloc[np.sort(np.argpartition(keys, n)[:n])].reset_index(drop=True)


def asked(labeled: pd.DataFrame, query: pd.DataFrame, strategy: str) -> pd.DataFrame:
    """Everything asked so far: the rows of the labelled set, then the open query as the next cycle."""
    new = query.assign(cycle=next_cycle(labeled), strategy=strategy)
    more = [name for name in MORE["labeled_index"] if name in new]
    columns = ["sample_id", "cycle", "rank", "score", "strategy", *more]
    if labeled.empty:
        return new[columns]
    before = labeled.reindex(columns=columns)
    if "control" in more:  # the starting set has none
        before["control"] = before["control"].eq(True)
    return pd.concat([before, new[columns]], ignore_index=True)


def next_cycle(labeled: pd.DataFrame) -> int:
    """The number of the cycle that takes in the open query; the first is 1."""
    return 1 if labeled.empty else int(labeled["cycle"].max()) + 1


def progress(labeled: pd.DataFrame, options: QueryOptions) -> float:
    """Share of the scheduled cycles that is done, 0..1."""
    return min(1.0, (next_cycle(labeled) - 2) / (options.schedule_cycles - 1))


def resolve_labels(asked: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """The labelled set: one row for each sample asked for, with its newest answer.

    Raises StateError where an answer is missing.
    """
    newest = answers.drop_duplicates("sample_id", keep="last")
    labeled = asked.merge(
        newest[["sample_id", "label", "annotator", "labeled_at"]], on="sample_id", how="left"
    )
    missing = labeled.loc[labeled["label"].isna(), "sample_id"]
    if len(missing):
        raise StateError(
            f"{len(missing)} samples were asked for but have no answer: {examples(missing.tolist())}."
        )
    return table("labeled_index", labeled)


def pool_without(pool: pd.DataFrame, labeled: pd.DataFrame) -> pd.DataFrame:
    """The samples of the pool that are not in the labelled set."""
    return pool[~pool["sample_id"].isin(labeled["sample_id"])].reset_index(drop=True)
