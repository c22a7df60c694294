"""A comparison as plain tables, and what stands beside its verdict: calibration, classes, times, runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from queryloop.statistics.arms import Field
from queryloop.statistics.comparison import Comparison
from queryloop.statistics.paired import paired_t
from queryloop.statistics.queries import class_histogram, redundancy

CALIBRATION = ("ece", "nll", "brier")
ASKING = ("collect_evidence", "score", "select")

BESIDE_CLASSES = ("evenness", "redundancy", "redundancy_in")
"""Columns of the table of classes that are no class, behind the strategy."""

Labelled = Mapping[str, Sequence[pd.DataFrame]]
Space = tuple[pd.DataFrame, np.ndarray, str]
"""The samples, a vector for each, and what the vectors are."""


def order(comparison: Comparison) -> list[str]:
    """The strategies by mean height, highest first."""
    return comparison.areas.groupby("strategy", sort=False).mean().sort_values(ascending=False).index.tolist()


def penalties(comparison: Comparison) -> pd.DataFrame:
    """The penalty matrix in that order; without runs from elsewhere, where there are others."""
    matrix = comparison.standings.penalties.matrix
    names = [name for name in order(comparison) if name in matrix.index]
    return matrix.loc[names, names]


def in_order(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The rows of a table by the names of their strategies; without that column, as they are."""
    if "strategy" not in table.columns:
        return table
    places = {name: place for place, name in enumerate(names)}
    return table.sort_values("strategy", key=lambda column: column.map(places), kind="stable")


def judged(comparison: Comparison) -> dict[str, pd.DataFrame]:
    """The tables of the verdict."""
    ranks = comparison.standings.ranks
    mean = comparison.areas.groupby("strategy").agg(["mean", "std", "count"])
    ranked = mean.join(ranks.mean.rename("mean_rank")).sort_values("mean_rank", kind="stable").reset_index()
    return {
        "verdict": comparison.verdict,
        "curves": _means(comparison),
        "gains": _gains(comparison),
        "levels": comparison.levels,
        "penalties": penalties(comparison).rename_axis(columns=None).reset_index(),
        "wins": comparison.standings.wins,
        "ranks": ranked.rename(columns={"mean": "aubc", "std": "aubc_std", "count": "n_seeds"}),
    }


def _means(comparison: Comparison) -> pd.DataFrame:
    """Mean, standard deviation and number of seeds of each strategy on each common budget."""
    long = comparison.curves.stack().rename(comparison.measure).reset_index()
    grouped = long.groupby(["strategy", comparison.budget], sort=False)[comparison.measure]
    return grouped.agg(["mean", "std", "count"]).rename(columns={"count": "n_seeds"}).reset_index()


def _gains(comparison: Comparison) -> pd.DataFrame:
    """Mean difference of each strategy from its control on each common budget, with its paired t interval."""
    rows = comparison.verdict[["strategy", "control"]].itertuples(index=False, name=None)
    parts = [_gain(comparison.curves, *row).reset_index() for row in rows]
    columns = ["strategy", "control", comparison.budget, "difference", "low", "high"]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def _gain(curves: pd.DataFrame, strategy: str, control: str) -> pd.DataFrame:
    differences = (curves.loc[strategy] - curves.loc[control]).dropna()
    found = [paired_t(differences[budget].to_numpy()) for budget in curves.columns]
    table = {
        "difference": [d.mean for d in found],
        "low": [d.low for d in found],
        "high": [d.high for d in found],
    }
    return pd.DataFrame(table, curves.columns).assign(strategy=strategy, control=control)


def calibration(results: pd.DataFrame, budget: str) -> pd.DataFrame:
    """Mean over the seeds of each calibration measure that there is (lower is better), at each budget."""
    there = [name for name in CALIBRATION if name in results.columns]
    measured = results.dropna(subset=there) if there else results.iloc[:0]
    means = measured.groupby(["strategy", budget], sort=False)[there].mean()
    return means.reset_index()


def classes(labeled: Labelled, space: Space | None) -> pd.DataFrame:
    """Classes and redundancy of what each strategy asked for after the start; without rows where none was.

    labeled: the labelled set of each run. space: all samples, and where redundancy is measured; without it
    that is left out, and classes that no run has labelled are unknown.
    """
    asked = {name: [_by_strategy(table) for table in tables] for name, tables in labeled.items()}
    rows = [table.assign(strategy=name) for name, tables in asked.items() for table in tables]
    queried = pd.concat(rows) if rows else pd.DataFrame()
    if queried.empty:
        return pd.DataFrame(columns=["strategy", *BESIDE_CLASSES])
    known = {label for tables in labeled.values() for table in tables for label in table["label"]}
    known |= set(space[0]["label"].dropna()) if space else set()
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
    """Mean seconds of a cycle spent on asking (evidence, scores, selection), training, and the rest.

    The first cycle is left out where there are later ones: its training is shared, and done by the run that
    needs it first.
    """
    rows = []
    for name, tables in timings.items():
        counted = [_later_cycles(table) for table in tables]
        seconds = pd.concat(counted).groupby("stage")["seconds"].sum()
        n_cycles = sum(table["cycle"].nunique() for table in counted)
        if n_cycles:
            asking, training = seconds.reindex(ASKING).sum(), seconds.get("train", 0.0)
            rest = seconds.get("cycle", np.nan) - asking - training
            rows.append((name, *(np.array([asking, training, rest]) / n_cycles)))
    return pd.DataFrame(rows, columns=["strategy", "asking", "training", "rest"])


def _later_cycles(timings: pd.DataFrame) -> pd.DataFrame:
    later = timings[timings["cycle"] > 1]
    return timings if later.empty else later


def per_run(results: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """The curve of every run in the form in which runs from elsewhere are imported.

    Of cycles with one budget the last; none before there is any, such as foreground.
    """
    columns = {comparison.budget: "n_labeled", comparison.measure: "metric"}
    told = results[["strategy", "seed", *columns]].rename(columns=columns)
    return told[told["n_labeled"] > 0].drop_duplicates(["strategy", "seed", "n_labeled"], keep="last")


def runs(field: Field, results: pd.DataFrame, comparison: Comparison, timings: Labelled) -> pd.DataFrame:
    """Every run, compared or left out, with the reason; what an arm spends beside its labels.

    timings: of each run of each arm, in their order.
    """
    spent = [name for name in ("n_validation", "gradient_steps", "auxiliary_steps") if name in results]
    last = results.groupby(["strategy", "seed"], sort=False).last()[spent]
    compared = [
        {
            "run": str(run),
            "arm": arm,
            "cycles": run.n_cycles,
            "aubc": comparison.areas.get((comparison.twins.get(arm, arm), run.seed)),
            **last.loc[(arm, run.seed)].to_dict(),
            **run.settings.get("arm", {}),
            "software": "; ".join(timed["software"].dropna().unique()),
        }
        for arm, members in field.runs.items()
        for run, timed in zip(members, timings[arm], strict=True)
    ]
    left_out = [{"run": run, "left_out": reason} for run, reason in field.left_out]
    columns = ["run", "arm", "cycles", "aubc", *spent, *_COST, "software", "left_out"]
    return pd.DataFrame([*compared, *left_out], columns=columns)


_COST = ("networks", "trains_on_unlabeled")
