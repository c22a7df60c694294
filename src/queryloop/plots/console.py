"""What an experiment prints when it ends."""

from __future__ import annotations

from math import isnan, nan

import pandas as pd
from rich import box
from rich.table import Table

_NONE = "—"


def cycles_table(metrics: pd.DataFrame, timings: pd.DataFrame) -> Table:
    """One row a cycle, at most 80 columns wide.

    metrics: table `metrics`. timings: table `timings`, of which the stage "cycle" counts; a cycle may
    be missing. Accuracies are 0..1, times in seconds; `auxiliary`, its quality, where there is one.
    """
    seconds = timings[timings["stage"] == "cycle"].groupby("cycle")["seconds"].sum()
    table = Table(box=box.SIMPLE_HEAD)
    measures = {"test accuracy": "accuracy", "balanced": "balanced_accuracy", "validation": "val_accuracy"}
    if metrics["auxiliary_quality"].notna().any():
        measures["auxiliary"] = "auxiliary_quality"
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
