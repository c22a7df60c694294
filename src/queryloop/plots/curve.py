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


def learning_curve(metrics: pd.DataFrame, full_data: pd.DataFrame) -> go.Figure:
    """Test and validation accuracy of one experiment over its number of labels.

    metrics: table `metrics`, one row a cycle and at least one. full_data: table `full_data`; the last
    row, where there is one, becomes the dashed line of training on all labels. Accuracies are 0..1.
    """
    keys, traces = [_key("●", BLUE, "test")], [_trace(metrics, "accuracy", _TEST)]
    if metrics["val_accuracy"].notna().any():
        keys.append(_key("○", LIGHT_BLUE, "validation"))
        traces.insert(0, _trace(metrics, "val_accuracy", _VALIDATION))
    figure = go.Figure(traces)
    for full in full_data.tail(1).to_dict("records"):
        keys.append(_key("- -", GREY, f"all {full['n_labeled']:,} labels: {full['accuracy']:.3f}"))
        figure.add_hline(full["accuracy"], line={"color": GREY, "width": 1.5, "dash": "dash"})
    shown = [*metrics["accuracy"], *metrics["val_accuracy"].dropna(), *full_data["accuracy"].tail(1)]
    labels, accuracies = _range(metrics["n_labeled"], 0.02, 5), _range(shown, 0.06, 0.02)
    figure.update_xaxes(title_text="labels", tickformat=",", range=labels, zeroline=False)
    figure.update_yaxes(title_text="accuracy", range=accuracies, zeroline=False)
    return figure.update_layout(_layout(_title(metrics.iloc[-1]), keys))


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


def _layout(title: str, keys: list[str]) -> go.Layout:
    return go.Layout(
        template="plotly_white",
        # keys in the subtitle, for kedro-viz hides legends in its preview
        title={"text": title, "subtitle": {"text": "   ".join(keys)}},
        showlegend=False,
        hovermode="closest",
        margin={"l": 64, "r": 24, "t": 72, "b": 56},
    )
