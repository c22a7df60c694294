"""Several strategies in one picture: their curves, and the labels that an accuracy costs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

import pandas as pd
import plotly.graph_objects as go

from queryloop.plots.palette import GREY, PALETTE

_NEVER = "not reached by half of the seeds"


def curves(metrics: pd.DataFrame, full_data: float | None = None) -> go.Figure:
    """Median test accuracy of each strategy over the number of labels, with a band from least to most.

    metrics: tables `metrics` of several experiments, one below the other. full_data: accuracy with all
    labels, a dashed line. Accuracies are 0..1.
    """
    figure = _figure("labels", "accuracy")
    for strategy, color in _colored(metrics["strategy"].unique()):
        by_labels = metrics[metrics["strategy"] == strategy].groupby("n_labeled")["accuracy"]
        seen = by_labels.agg(["min", "median", "max"])
        figure.add_traces([_band(seen, strategy, color), _line(seen, strategy, color)])
    if full_data is not None:
        figure.add_hline(full_data, line={"color": GREY, "dash": "dash"}, annotation_text="all labels")
    return figure


def effort(needed: pd.DataFrame, most: int) -> go.Figure:
    """Labels over the accuracy that they reach; what is not known to be reached stands apart, above.

    needed: from `statistics.effort.labels_needed`. most: the most labels that any experiment had.
    """
    figure = _figure("accuracy", "labels needed (median over seeds)")
    for number, (strategy, color) in enumerate(_colored(needed["strategy"].unique())):
        found = needed[needed["strategy"] == strategy]
        known, never = found.dropna(subset="labels"), found[found["labels"].isna()]
        height = most * (1.06 + 0.04 * number)
        figure.add_traces([_steps(known, strategy, color), _crosses(never, height, strategy, color)])
    figure.add_hline(most, line={"color": GREY, "dash": "dot"}, annotation_text=f"above: {_NEVER}")
    return figure


def _colored(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(names, cycle(PALETTE), strict=False)


def _figure(x: str, y: str) -> go.Figure:
    return go.Figure(layout={"template": "plotly_white", "xaxis": {"title": x}, "yaxis": {"title": y}})


def _steps(known: pd.DataFrame, name: str, color: str) -> go.Scatter:
    x, y, line = known["level"].tolist(), known["labels"].tolist(), {"color": color, "shape": "hv"}
    return go.Scatter(x=x, y=y, name=name, mode="lines+markers", line=line, legendgroup=name)


def _crosses(never: pd.DataFrame, height: float, name: str, color: str) -> go.Scatter:
    reached = zip(never["reached"], never["n_seeds"], strict=True)
    return go.Scatter(
        x=never["level"].tolist(), y=[height] * len(never), mode="markers", showlegend=False,
        text=[f"{name}: reached by {n} of {of} seeds" for n, of in reached], legendgroup=name,
        marker={"color": color, "symbol": "x-thin-open", "size": 7},
    )  # fmt: skip


def _line(seen: pd.DataFrame, name: str, color: str) -> go.Scatter:
    x, y = seen.index.tolist(), seen["median"].tolist()
    return go.Scatter(x=x, y=y, name=name, mode="lines+markers", line={"color": color}, legendgroup=name)


def _band(seen: pd.DataFrame, name: str, color: str) -> go.Scatter:
    x, up, down = seen.index.tolist(), seen["max"].tolist(), seen["min"].tolist()
    return go.Scatter(
        x=x + x[::-1], y=up + down[::-1], fill="toself", fillcolor=color, opacity=0.15, line={"width": 0},
        hoverinfo="skip", showlegend=False, legendgroup=name,
    )  # fmt: skip
