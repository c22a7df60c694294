"""The pictures of a comparison. Each takes results, comparison and tables, and uses what it needs.

results: one row a cycle of each run, strategy being the arm. comparison: from `statistics.comparison`.
tables: from `statistics.description`, by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle, product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from queryloop.plots.palette import GREY, PALETTE
from queryloop.statistics import description
from queryloop.statistics.comparison import Comparison
from queryloop.statistics.description import BESIDE_CLASSES, order
from queryloop.statistics.sentences import measure_of, unit_of

Tables = Mapping[str, pd.DataFrame]

FEW = 5
"""Bands that can be told apart; of more strategies only the highest and the controls have one."""

_DASHES = ("solid", "dash", "dot")
_PATTERNS = {"solid": "", "dash": "/", "dot": "."}  # of bars, in place of dashes
_NEVER = "not reached by half of the seeds"
_TIMES = {"asking": PALETTE[1], "training": PALETTE[0], "rest": "#D0D0D0"}


def curves(results: pd.DataFrame, comparison: Comparison, tables: Tables) -> go.Figure:  # noqa: ARG001
    """Median of the measure over the budget on the common budgets, with bands from least to most."""
    figure = _figure(unit(comparison), measure_of(comparison.measure), tickformat=",")
    looks = _weighed(comparison)
    for strategy in _banded(comparison):
        runs = comparison.curves.xs(strategy, level="strategy")
        figure.add_trace(_band(runs.min(), runs.max(), strategy, looks[strategy]))
    for strategy, look in looks.items():
        median = comparison.curves.xs(strategy, level="strategy").median()
        figure.add_trace(_line(median, strategy, look))
    if comparison.full_data is not None:
        figure.add_hline(
            comparison.full_data, line={"color": GREY, "dash": "dash"}, annotation_text="all labels"
        )
    return _with_seeds(figure, comparison)


def gains(results: pd.DataFrame, comparison: Comparison, tables: Tables) -> go.Figure:  # noqa: ARG001
    """Mean difference from the control at each common budget in points, with paired intervals."""
    figure = _figure(unit(comparison), "points above the control", tickformat=",")
    points = tables["gains"].set_index(["strategy", comparison.budget])[["difference", "low", "high"]] * 100
    looks = {name: look for name, look in _weighed(comparison).items() if name in points.index}
    for strategy in [name for name in _banded(comparison) if name in looks]:
        ends = points.loc[strategy].dropna()
        figure.add_trace(_band(ends["low"], ends["high"], strategy, looks[strategy]))
    for strategy, look in looks.items():
        figure.add_trace(_line(points.loc[strategy, "difference"], strategy, look))
    if looks:
        figure.add_hline(0, line={"color": GREY})
    return figure


def levels(results: pd.DataFrame, comparison: Comparison, tables: Tables) -> go.Figure:  # noqa: ARG001
    """Median budget over the level that it reaches; what is not known to be reached stands apart, above."""
    needed, looks = comparison.levels, _looks(comparison)
    least, most = (float(comparison.curves.columns[end]) for end in (0, -1))
    step = 0.04 * (most - least)
    figure = _figure(measure_of(comparison.measure), f"{unit(comparison)} needed")
    figure.update_yaxes(tickformat=",", range=[least - step, most + step * (len(looks) + 1.5)])
    for number, (strategy, look) in enumerate(looks.items()):
        found = needed[needed["strategy"] == strategy]
        known, never = found.dropna(subset="median"), found[found["median"].isna()]
        height = most + step * (number + 1.5)
        figure.add_traces([_steps(known, strategy, look), _crosses(never, height, strategy, look)])
    line = {"color": GREY, "dash": "dot"}
    figure.add_hline(most, line=line, annotation_text=f"above: {_NEVER}", annotation_position="bottom left")
    return _with_seeds(figure, comparison)


def penalties(results: pd.DataFrame, comparison: Comparison, tables: Tables) -> go.Figure:  # noqa: ARG001
    """The penalty matrix: share of budgets where the row beats the column."""
    matrix = description.penalties(comparison)
    names = matrix.index.tolist()
    text = [["" if np.isnan(share) else f"{100 * share:.0f}%" for share in row] for row in matrix.to_numpy()]
    heatmap = go.Heatmap(
        z=matrix.to_numpy().tolist(), x=names, y=names, text=text, texttemplate="%{text}", zmin=0, zmax=1,
        colorscale="Blues", showscale=False, hovertemplate="%{y} beats %{x}: %{text}<extra></extra>",
    )  # fmt: skip
    figure = _figure("beaten", "beats")
    figure.add_trace(heatmap)
    figure.update_yaxes(autorange="reversed")
    return figure


def ranks(results: pd.DataFrame, comparison: Comparison, tables: Tables) -> go.Figure:  # noqa: ARG001
    """Mean ranks, best first, each with half the critical difference to both sides (Demšar 2006).

    Without traces for fewer than two seeds.
    """
    found, looks = comparison.standings.ranks, _looks(comparison)
    names = found.mean.index.tolist() if found.n_seeds > 1 else []
    half = 0.0 if np.isnan(found.critical) else found.critical / 2
    figure = _figure("mean rank (1 is best)", "")
    for name in names:
        mean = float(found.mean[name])
        color = looks[name]["color"]
        bar = go.Scatter(
            x=[mean - half, mean, mean + half], y=[name] * 3, mode="lines+markers", name=name,
            line={"color": color}, marker={"color": color, "size": [0, 9, 0]}, showlegend=False,
        )  # fmt: skip
        figure.add_trace(bar)
    figure.update_xaxes(dtick=1, range=[0.5, len(names) + 0.5])
    figure.update_yaxes(autorange="reversed")
    return figure


def classes(results: pd.DataFrame, comparison: Comparison, tables: Tables) -> go.Figure:  # noqa: ARG001
    """Share of each class in what each strategy asked for; of boxes, the share that holds the class."""
    found = tables["classes"]
    labels = [name for name in found.columns if name not in ("strategy", *BESIDE_CLASSES)]
    boxes = "evenness" not in found.columns
    figure = _figure(
        "class", "boxes that hold it" if boxes else "share of what was asked for", barmode="group"
    )
    figure.update_yaxes(tickformat=".0%")
    figure.update_xaxes(type="category")
    looks = _looks(comparison)
    for row in found.to_dict("records"):
        if row["strategy"] in looks:
            heights = [row[label] for label in labels]
            look = looks[row["strategy"]]
            bars = _bars(labels, heights, row["strategy"], look["color"])
            figure.add_trace(bars.update(marker_pattern_shape=_PATTERNS[look["dash"]]))
    return figure


def calibration(results: pd.DataFrame, comparison: Comparison, tables: Tables) -> go.Figure:  # noqa: ARG001
    """Mean calibration error over the budget; lower is better."""
    found = tables["calibration"]
    figure = _figure(unit(comparison), "calibration error (ECE)", tickformat=",")
    for strategy, look in _looks(comparison).items():
        rows = found[found["strategy"] == strategy]
        if len(rows) and "ece" in rows:
            x, y = rows[comparison.budget].tolist(), rows["ece"].tolist()
            figure.add_trace(go.Scatter(x=x, y=y, name=strategy, mode="lines+markers", line=look))
    return _with_seeds(figure, comparison)


def times(results: pd.DataFrame, comparison: Comparison, tables: Tables) -> go.Figure:  # noqa: ARG001
    """Mean seconds of a cycle: asking, training, the rest."""
    found = tables["times"]
    figure = _figure("seconds a cycle", "", barmode="stack")
    figure.update_yaxes(autorange="reversed", type="category")
    for part, color in _TIMES.items():
        names, seconds = found["strategy"].tolist(), found[part].tolist()
        figure.add_trace(_bars(seconds, names, part, color, orientation="h"))
    return figure


def unit(comparison: Comparison) -> str:
    """What the budget counts, in words."""
    return unit_of(comparison.budget)


def _looks(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """Colour and dash of each strategy, highest first, the same in all pictures; controls are grey."""
    controls = comparison.verdict["control"].unique()
    free = cycle(product(_DASHES, PALETTE))
    looks = {}
    for name in comparison.curves.index.unique("strategy"):
        dash, color = (_DASHES[list(controls).index(name) % 3], GREY) if name in controls else next(free)
        looks[name] = {"color": color, "dash": dash}
    return {name: looks[name] for name in order(comparison)}


def _banded(comparison: Comparison) -> list[str]:
    """Strategies that are drawn with a band: all where they are few, else the highest and the controls."""
    names, controls = order(comparison), set(comparison.verdict["control"])
    highest = [name for name in names if name not in controls][:1]
    return names if len(names) <= FEW else [*controls, *highest]


def _weighed(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """The looks, with thin lines for strategies without a band."""
    banded = _banded(comparison)
    return {name: {**look, "width": 2 if name in banded else 1} for name, look in _looks(comparison).items()}


def _figure(x: str, y: str, tickformat: str = "", **layout: Any) -> go.Figure:
    return go.Figure(
        layout={
            "template": "plotly_white",
            "xaxis": {"title": {"text": x}, "tickformat": tickformat, "automargin": True},
            "yaxis": {"title": {"text": y}, "automargin": True},
            "legend": {"orientation": "h", "y": -0.25, "yanchor": "top", "x": 0},
            "margin": {"l": 8, "r": 8, "t": 16, "b": 8},
            "hovermode": "closest",
            **layout,
        }
    )


def _with_seeds(figure: go.Figure, comparison: Comparison) -> go.Figure:
    """The same; strategies that have not all seeds say so in their names."""
    lacking = comparison.lacking
    figure.for_each_trace(
        lambda trace: trace.update(name=f"{trace.name}, {lacking[trace.name]}"),
        lambda trace: trace.name in lacking,
    )
    return figure


def _steps(known: pd.DataFrame, name: str, look: dict[str, Any]) -> go.Scatter:
    x, y = known["level"].tolist(), known["median"].tolist()
    return go.Scatter(x=x, y=y, name=name, mode="lines+markers", line=look, legendgroup=name)


def _crosses(never: pd.DataFrame, height: float, name: str, look: dict[str, Any]) -> go.Scatter:
    reached = zip(never["reached"], never["n_seeds"], strict=True)
    return go.Scatter(
        x=never["level"].tolist(), y=[height] * len(never), mode="markers", showlegend=False, name=name,
        text=[f"{name}: reached by {n} of {of} seeds" for n, of in reached], legendgroup=name,
        marker={"color": look["color"], "symbol": "x-thin-open", "size": 7},
    )  # fmt: skip


def _bars(x: list, y: list, name: str, color: str, orientation: str = "v") -> go.Bar:
    return go.Bar(x=x, y=y, name=name, marker={"color": color}, orientation=orientation)


def _line(heights: pd.Series, name: str, look: dict[str, Any]) -> go.Scatter:
    x, y = heights.index.tolist(), heights.tolist()
    return go.Scatter(x=x, y=y, name=name, mode="lines+markers", line=look, legendgroup=name)


def _band(low: pd.Series, high: pd.Series, name: str, look: dict[str, Any]) -> go.Scatter:
    x, up, down = low.index.tolist(), high.tolist(), low.tolist()
    return go.Scatter(
        x=x + x[::-1], y=up + down[::-1], mode="lines", fill="toself", fillcolor=look["color"], opacity=0.12,
        line={"width": 0}, hoverinfo="skip", showlegend=False, name=name, legendgroup=name,
    )  # fmt: skip
