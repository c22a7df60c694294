"""What an experiment prints when it ends."""

from __future__ import annotations

from math import isnan, nan

import pandas as pd
from rich import box
from rich.table import Table

_NONE = "—"
_MEASURES = {
    "test accuracy": "accuracy",
    "balanced": "balanced_accuracy",
    "validation": "val_accuracy",
    "auxiliary": "auxiliary_quality",
    "Dice": "dice",
    "surface distance": "surface_distance",
    "labelled foreground": "foreground_voxels_share",
}
"""Columns of the table by their titles."""


def cycles_table(metrics: pd.DataFrame, timings: pd.DataFrame) -> Table:
    """One row a cycle, at most 80 columns wide.

    metrics: table `metrics`. timings: table `timings`, of which the stage "cycle" counts; a cycle may
    be missing. Of each measure a column, where the task has it and any cycle a value; times in seconds.
    """
    seconds = timings[timings["stage"] == "cycle"].groupby("cycle")["seconds"].sum()
    table = Table(box=box.SIMPLE_HEAD)
    present = metrics.columns[metrics.notna().any()]
    measures = {title: name for title, name in _MEASURES.items() if name in present}
    for name in ("cycle", "labels", *measures, "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in metrics.to_dict("records"):
        table.add_row(
            str(row["cycle"]),
            f"{row['n_labeled']:,}",
            *(_number(row[measure], ".4f") for measure in measures.values()),
            _number(seconds.get(row["cycle"], nan), ",.1f"),
        )
    return table


def _number(value: float, form: str) -> str:
    return _NONE if isnan(value) else format(value, form)
