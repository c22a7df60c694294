"""Accuracy, or Dice, over what was labelled."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import isnan
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from queryloop.plots.palette import BLUE, GREY, LIGHT_BLUE, VERMILLION

_FORMS = {str: "", int: ",", float: ".4f"}
_OF_BOXES = {"n_labeled": "boxes", "voxels": "voxels", "foreground_voxels": "foreground voxels"}
_TEST = {"color": BLUE, "symbol": "circle", "size": 8}
_VALIDATION = {"color": LIGHT_BLUE, "symbol": "circle-open", "size": 6}
_POOL = {"color": VERMILLION, "symbol": "diamond-open", "size": 6}


def learning_curve(metrics: pd.DataFrame, full_data: pd.DataFrame, measure: str = "accuracy") -> go.Figure:
    """A measure of one experiment over what was labelled: on the test set, and on validation where known.
    Where there are control labels, also the accuracy on the pool with its 95% interval.

    metrics: table `metrics`, one row a cycle and at least one. full_data: table `full_data`; the last
    row, where there is one, becomes the dashed line of training on all labels. measure: a column from 0 to
    1, such as accuracy or dice. With columns `voxels` and `foreground_voxels` the samples are boxes, and a
    menu chooses which of the three is counted.
    """
    counts, beside = _counts(metrics), _beside(metrics, measure)
    keys = [_key("●", BLUE, "test"), *(key for key, _ in beside)]
    traces = [*(trace for _, trace in reversed(beside)), _trace(metrics, measure, _TEST)]
    reference = full_data.tail(1).to_dict("records")
    keys += [_key("- -", GREY, f"{_all(full, counts)}: {full[measure]:.3f}") for full in reference]
    ends = [y for end in ("pool_low", "pool_high") for y in metrics.get(end, ())]
    shown = [y for trace in traces for y in trace.y] + [full[measure] for full in reference] + ends
    shown = [y for y in shown if not isnan(y)]
    axes = [_x_axis(metrics, column, unit) for column, unit in counts.items()]
    layout = _layout(
        _title(metrics.iloc[-1], measure, counts["n_labeled"]),
        keys,
        shapes=[_line(full[measure]) for full in reference],
        xaxis=axes[0],
        yaxis=_axis(measure, _range(shown, 0.06, 0.02)),
        updatemenus=[_menu(metrics, counts, axes, len(traces))] if len(counts) > 1 else [],
    )
    return go.Figure(traces, layout)


def _beside(metrics: pd.DataFrame, measure: str) -> list[tuple[str, go.Scatter]]:
    """Key and line of what is known beside the test set: validation, the pool by control labels."""
    found, validation = [], f"val_{measure}"
    if validation in metrics and metrics[validation].notna().any():
        found.append((_key("○", LIGHT_BLUE, "validation"), _trace(metrics, validation, _VALIDATION)))
    if "pool_accuracy" in metrics:
        line = _with_interval(_trace(metrics, "pool_accuracy", _POOL), metrics)
        found.append((_key("◇", VERMILLION, "pool, by control labels"), line))
    return found


def _counts(metrics: pd.DataFrame) -> dict[str, str]:
    """What can be counted on the x axis, by column, and its name."""
    return _OF_BOXES if "voxels" in metrics else {"n_labeled": "labels"}


def _all(full: Mapping[Hashable, Any], counts: Mapping[str, str]) -> str:
    return "all voxels" if len(counts) > 1 else f"all {full['n_labeled']:,} labels"


def _x_axis(metrics: pd.DataFrame, column: str, unit: str) -> dict[str, Any]:
    return _axis(unit, _range(metrics[column], 0.02, 5), tickformat=",")


def _menu(
    metrics: pd.DataFrame, counts: Mapping[str, str], axes: Sequence[dict[str, Any]], n_traces: int
) -> dict[str, Any]:
    """Buttons below the axis, at its right end, one for each thing to count."""
    buttons = [
        {
            "label": unit,
            "method": "update",
            "args": [{"x": [metrics[column].tolist()] * n_traces}, {"xaxis": axis}],
        }
        for (column, unit), axis in zip(counts.items(), axes, strict=True)
    ]
    place = {"x": 1, "xanchor": "right", "y": 0, "yanchor": "top", "pad": {"t": 44}}
    return {"type": "dropdown", "direction": "up", "showactive": True, "buttons": buttons, **place}


def _line(height: float) -> dict[str, Any]:
    """A dashed line over the whole width."""
    look = {"color": GREY, "width": 1.5, "dash": "dash"}
    return {"type": "line", "x0": 0, "x1": 1, "xref": "x domain", "y0": height, "y1": height, "line": look}


def _axis(title: str, shown: list[float], **more: Any) -> dict[str, Any]:
    return {"title": {"text": title}, "range": shown, "zeroline": False, **more}


def _key(symbol: str, color: str, name: str) -> str:
    return f"<span style='color:{color}'>{symbol}</span> {name}"


def _trace(metrics: pd.DataFrame, column: str, marker: dict[str, object]) -> go.Scatter:
    return go.Scatter(
        name=column.replace("_", " "),
        x=metrics["n_labeled"].tolist(),
        y=metrics[column].tolist(),
        text=[_hover(row) for row in metrics.to_dict("records")],
        hovertemplate="%{text}<extra></extra>",
        mode="lines+markers",
        line={"color": marker["color"], "width": 2.5 if marker is _TEST else 1.5},
        marker=marker,
        cliponaxis=False,
    )


def _with_interval(trace: go.Scatter, metrics: pd.DataFrame) -> go.Scatter:
    middle, low, high = (metrics[f"pool_{end}"] for end in ("accuracy", "low", "high"))
    up, down = (high - middle).tolist(), (middle - low).tolist()
    return trace.update(error_y={"symmetric": False, "array": up, "arrayminus": down, "thickness": 1})


def _hover(row: Mapping[Hashable, Any]) -> str:
    known = {name: value for name, value in row.items() if pd.notna(value)}
    return "<br>".join(f"{name}: {value:{_FORMS[type(value)]}}" for name, value in known.items())


def _title(last: pd.Series, measure: str, unit: str) -> str:
    reached = f"{last[measure]:.3f} at {last['n_labeled']:,} {unit}"
    return f"{last['strategy']}, seed {last['seed']}: {reached}"


def _range(values: Sequence[float] | pd.Series, share: float, least: float) -> list[float]:
    # plotly leaves a horizontal line no room at the edge, and gives a single point a range of two; a Dice
    # that no test set can tell is a point nowhere
    low, high = min(values, default=0), max(values, default=1)
    room = max(share * (high - low), least)
    return [low - room, high + room]


def _layout(title: str, keys: list[str], **more: Any) -> dict[str, Any]:
    # handed to the figure as one dict: updating a figure with a template takes 0.3 s
    return {
        "template": "plotly_white",
        # keys in the subtitle, for kedro-viz hides legends in its preview
        "title": {"text": title, "subtitle": {"text": "   ".join(keys)}},
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 64, "r": 24, "t": 72, "b": 56},
        **more,
    }
