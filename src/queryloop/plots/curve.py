"""Accuracy over the number of labels."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from queryloop.plots.palette import BLUE, GREY, LIGHT_BLUE

_FORMS = {str: "", int: ",", float: ".4f"}
_TEST = {"color": BLUE, "symbol": "circle", "size": 8}
_VALIDATION = {"color": LIGHT_BLUE, "symbol": "circle-open", "size": 6}


def learning_curve(metrics: pd.DataFrame, full_data: pd.DataFrame, measure: str = "accuracy") -> go.Figure:  # noqa: ARG001
    """Test and validation accuracy of one experiment over its number of labels.

    metrics: table `metrics`, one row a cycle and at least one. full_data: table `full_data`; the last
    row, where there is one, becomes the dashed line of training on all labels. Accuracies are 0..1.
    """
    keys, traces = [_key("●", BLUE, "test")], [_trace(metrics, "accuracy", _TEST)]
    if metrics["val_accuracy"].notna().any():
        keys.append(_key("○", LIGHT_BLUE, "validation"))
        traces.insert(0, _trace(metrics, "val_accuracy", _VALIDATION))
    reference = full_data.tail(1).to_dict("records")
    keys += [_key("- -", GREY, f"all {f['n_labeled']:,} labels: {f['accuracy']:.3f}") for f in reference]
    shown = [*metrics["accuracy"], *metrics["val_accuracy"].dropna(), *(f["accuracy"] for f in reference)]
    layout = _layout(
        _title(metrics.iloc[-1]),
        keys,
        shapes=[_line(full["accuracy"]) for full in reference],
        xaxis=_axis("labels", _range(metrics["n_labeled"], 0.02, 5), tickformat=","),
        yaxis=_axis("accuracy", _range(shown, 0.06, 0.02)),
    )
    return go.Figure(traces, layout)


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


def _hover(row: Mapping[Hashable, Any]) -> str:
    known = {name: value for name, value in row.items() if pd.notna(value)}
    return "<br>".join(f"{name}: {value:{_FORMS[type(value)]}}" for name, value in known.items())


def _title(last: pd.Series) -> str:
    reached = f"{last['accuracy']:.3f} at {last['n_labeled']:,} labels"
    return f"{last['strategy']}, seed {last['seed']}: {reached}"


def _range(values: Sequence[float] | pd.Series, share: float, least: float) -> list[float]:
    # plotly leaves a horizontal line no room at the edge, and gives a single point a range of two
    low, high = min(values), max(values)
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
