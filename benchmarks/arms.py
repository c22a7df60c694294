"""Finished experiments of one data set side by side: a Markdown table, and two pictures as one HTML page.

    python benchmarks/arms.py mnist --experiments plain control --out /tmp/arms.html

An arm is an experiment name and a strategy. Runs in the project's folder, on what `kedro run` left in data/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from queryloop.plots.comparison import curves, effort
from queryloop.statistics.effort import labels_needed
from queryloop.storage.experiment import committed
from queryloop.storage.tables import read_table

LEVELS = np.linspace(0.90, 1.00, 25)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset")
    parser.add_argument("--experiments", nargs="+", required=True)
    parser.add_argument("--full-data", type=float, help="accuracy with all labels")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    metrics = pd.concat([_arms(options.dataset, name) for name in options.experiments], ignore_index=True)
    print(_table(metrics))
    needed = labels_needed(metrics, LEVELS)
    print("\n" + _efforts(needed))
    if options.out:
        pictures = [curves(metrics, options.full_data), effort(needed, int(metrics["n_labeled"].max()))]
        pages = [
            picture.to_html(full_html=False, include_plotlyjs=not i) for i, picture in enumerate(pictures)
        ]
        options.out.write_text("\n".join(pages))


def _arms(dataset: str, experiment: str) -> pd.DataFrame:
    """Metrics of all seeds and strategies of an experiment name."""
    homes = sorted(Path("data/05_model_input", dataset, experiment).glob("*/seed_*"))
    return pd.concat([_metrics(home, experiment) for home in homes], ignore_index=True)


def _metrics(home: Path, experiment: str) -> pd.DataFrame:
    folder = Path("data/08_reporting", *home.parts[2:], "metrics.parquet")
    found = read_table(folder / committed(home)[-1] / "metrics.parquet", "metrics")
    return found.assign(strategy=f"{found['strategy'].iloc[0]} ({experiment})")


def _table(metrics: pd.DataFrame) -> str:
    """Mean test accuracy over the seeds (standard deviation), one row a number of labels."""
    grouped = metrics.groupby(["n_labeled", "strategy"])["accuracy"]
    told = grouped.mean().map("{:.4f}".format) + " (" + grouped.std().map("{:.4f}".format) + ")"
    return _markdown(told.unstack().reset_index())


def _efforts(needed: pd.DataFrame) -> str:
    """Median labels to each level; in brackets how many seeds reach it, where not all do."""

    def told(row: pd.Series) -> str:
        labels = "never" if np.isnan(row["labels"]) else f"{row['labels']:,.0f}"
        return (
            labels if row["reached"] == row["n_seeds"] else f"{labels} ({row['reached']} of {row['n_seeds']})"
        )

    text = needed.assign(told=needed.apply(told, axis=1), level=needed["level"].map("{:.4f}".format))
    return _markdown(text.pivot(index="level", columns="strategy", values="told").reset_index())


def _markdown(table: pd.DataFrame) -> str:
    rows = [table.columns.tolist(), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


if __name__ == "__main__":
    main()
