"""A comparison as plain tables, and what stands beside its verdict: calibration, classes, times, runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from queryloop.statistics.arms import Field
from queryloop.statistics.comparison import Comparison
from queryloop.statistics.queries import class_histogram, redundancy

CALIBRATION = ("ece", "nll", "brier")
ASKING = ("collect_evidence", "score", "select")

BESIDE_CLASSES = ("evenness", "redundancy", "redundancy_in")
"""Columns of the table of classes that are no class, behind the strategy."""

Labelled = Mapping[str, Sequence[pd.DataFrame]]
Space = tuple[pd.DataFrame, np.ndarray, str]
"""The samples, a vector for each, and what the vectors are."""


def judged(comparison: Comparison) -> dict[str, pd.DataFrame]:
    """The tables of the verdict."""
    ranks = comparison.ranks
    mean = comparison.areas.groupby("strategy").agg(["mean", "std", "count"])
    ranked = ranks.mean.rename("mean_rank").to_frame().join(mean).reset_index()
    return {
        "verdict": comparison.verdict,
        "curves": _means(comparison),
        "levels": comparison.levels,
        "penalties": comparison.penalties.matrix.rename_axis(columns=None).reset_index(),
        "wins": comparison.wins,
        "ranks": ranked.rename(columns={"mean": "aubc", "std": "aubc_std", "count": "n_seeds"}),
    }


def _means(comparison: Comparison) -> pd.DataFrame:
    """Mean, standard deviation and number of seeds of each strategy on each common budget."""
    long = comparison.curves.stack().rename(comparison.measure).reset_index()
    grouped = long.groupby(["strategy", comparison.budget], sort=False)[comparison.measure]
    return grouped.agg(["mean", "std", "count"]).rename(columns={"count": "n_seeds"}).reset_index()


def calibration(results: pd.DataFrame, budget: str) -> pd.DataFrame:
    """Mean over the seeds of each calibration measure that there is (lower is better), at each budget."""
    there = [name for name in CALIBRATION if name in results.columns]
    measured = results.dropna(subset=there) if there else results.iloc[:0]
    means = measured.groupby(["strategy", budget], sort=False)[there].mean()
    return means.reset_index()


def classes(labeled: Labelled, space: Space | None) -> pd.DataFrame:
    """Classes and redundancy of what each strategy asked for after the start; without rows where none was.

    labeled: the labelled set of each run. space: where redundancy is measured; None leaves it out.
    """
    asked = {name: [_by_strategy(table) for table in tables] for name, tables in labeled.items()}
    rows = [table.assign(strategy=name) for name, tables in asked.items() for table in tables]
    queried = pd.concat(rows) if rows else pd.DataFrame()
    if queried.empty:
        return pd.DataFrame(columns=["strategy", *BESIDE_CLASSES])
    known = {label for tables in labeled.values() for table in tables for label in table["label"]}
    found = class_histogram(queried, sorted(known))
    alike = _redundancy(asked, space) if space else {}
    found.insert(2, "redundancy", found["strategy"].map(alike))
    found.insert(3, "redundancy_in", space[2] if space else "nothing")
    return found


def _by_strategy(labeled: pd.DataFrame) -> pd.DataFrame:
    """Without the start and what was drawn at random."""
    drawn = pd.Series(labeled.get("control", False), index=labeled.index)
    return labeled[(labeled["cycle"] > 1) & ~drawn]


def _redundancy(asked: Labelled, space: Space) -> dict[str, float]:
    samples, vectors, _ = space
    rows = pd.Series(np.arange(len(samples)), index=samples["sample_id"])
    queries = {
        name: [rows[query["sample_id"]].to_numpy() for table in tables for _, query in table.groupby("cycle")]
        for name, tables in asked.items()
    }
    pool = np.flatnonzero((samples["split"] == "train").to_numpy())
    return redundancy(queries, pool if len(pool) else rows.to_numpy(), vectors)


def times(timings: Labelled) -> pd.DataFrame:
    """Mean seconds of a cycle spent on asking (evidence, scores, selection), training, and the rest."""
    rows = []
    for name, tables in timings.items():
        seconds = pd.concat(tables).groupby("stage")["seconds"].sum()
        n_cycles = sum(table["cycle"].nunique() for table in tables)
        if n_cycles:
            asking, training = seconds.reindex(ASKING).sum(), seconds.get("train", 0.0)
            rest = seconds.get("cycle", np.nan) - asking - training
            rows.append((name, *(np.array([asking, training, rest]) / n_cycles)))
    return pd.DataFrame(rows, columns=["strategy", "asking", "training", "rest"])


def runs(field: Field, results: pd.DataFrame) -> pd.DataFrame:
    """Every run, compared or left out, with the reason; what an arm spends beside its labels."""
    spent = [name for name in ("n_validation", "gradient_steps", "auxiliary_steps") if name in results]
    last = results.groupby(["strategy", "seed"], sort=False).last()[spent]
    compared = [
        {"run": str(run), "arm": arm, "cycles": run.n_cycles, **last.loc[(arm, run.seed)].to_dict()}
        for arm, members in field.runs.items()
        for run in members
    ]
    left_out = [{"run": run, "left_out": reason} for run, reason in field.left_out]
    return pd.DataFrame([*compared, *left_out], columns=["run", "arm", "cycles", *spent, "left_out"])
