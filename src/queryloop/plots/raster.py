"""A plotly figure of this project as PNG, without a browser: the kinds of traces that its pictures use."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_SIZE, _DPI = (8.0, 5.0), 120
_DASHES = {"solid": "-", "dash": "--", "dot": ":", None: "-"}
_MARKERS = {"x-thin-open": "x", None: "o"}


def png(figure: go.Figure) -> bytes:
    """The figure drawn with matplotlib. Raises KeyError for a kind of trace that no picture has."""
    canvas = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = canvas.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    for number, trace in enumerate(figure.data):
        _DRAW[trace.type](axes, trace, number, figure)
    for shape in figure.layout.shapes:
        axes.axhline(shape.y0, color=shape.line.color, linestyle=_DASHES[shape.line.dash], linewidth=1)
    for note in figure.layout.annotations:
        place = {"xycoords": ("axes fraction", "data"), "ha": note.xanchor, "va": note.yanchor}
        axes.annotate(note.text, (note.x, note.y), fontsize=8, **place)
    _label(axes, figure)
    file = io.BytesIO()
    canvas.savefig(file, format="png")
    return file.getvalue()


def _label(axes: Axes, figure: go.Figure) -> None:
    axes.set_xlabel(figure.layout.xaxis.title.text or "")
    axes.set_ylabel(figure.layout.yaxis.title.text or "")
    if figure.layout.yaxis.autorange == "reversed" and figure.data:
        axes.invert_yaxis()
    if figure.layout.xaxis.range:
        axes.set_xlim(figure.layout.xaxis.range)
    if figure.layout.yaxis.range:
        axes.set_ylim(figure.layout.yaxis.range)
    names = axes.get_legend_handles_labels()[1]
    if names:
        canvas = axes.get_figure()
        assert canvas is not None
        canvas.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=9)


def _scatter(axes: Axes, trace: Any, _number: int, _figure: go.Figure) -> None:
    if trace.fill == "toself":
        axes.fill(trace.x, trace.y, color=trace.fillcolor, alpha=trace.opacity, linewidth=0)
        return
    lines, markers, sizes = "lines" in trace.mode, "markers" in trace.mode, trace.marker.size
    axes.plot(
        trace.x,
        trace.y,
        color=trace.line.color or trace.marker.color,
        linestyle=_DASHES[trace.line.dash] if lines else "none",
        marker=_MARKERS[trace.marker.symbol] if markers else None,
        markersize=5,
        markevery=[place for place, size in enumerate(sizes) if size] if isinstance(sizes, tuple) else None,
        linewidth=trace.line.width,
        label=trace.name if trace.showlegend is not False else None,
    )


def _bar(axes: Axes, trace: Any, number: int, figure: go.Figure) -> None:
    names, values = (trace.y, trace.x) if trace.orientation == "h" else (trace.x, trace.y)
    places, heights = np.arange(len(names)), np.nan_to_num(np.array(values, float))
    style = {"color": trace.marker.color, "label": trace.name}
    if figure.layout.barmode == "stack":
        below = sum((np.nan_to_num(np.array(t.x, float)) for t in figure.data[:number]), np.zeros(len(names)))
        axes.barh(places, heights, left=below, **style)
        axes.set_yticks(places, names)
        return
    width = 0.8 / len(figure.data)
    hatch: dict[str, Any] = {
        "hatch": trace.marker.pattern.shape or None,
        "edgecolor": "white",
        "linewidth": 0,
    }
    axes.bar(places + (number + 0.5) * width - 0.4, heights, width, **style, **hatch)
    axes.set_xticks(places, names)


def _heatmap(axes: Axes, trace: Any, _number: int, _figure: go.Figure) -> None:
    shares = np.array(trace.z, float)
    axes.imshow(shares, cmap="Blues", vmin=trace.zmin, vmax=trace.zmax, aspect="auto", origin="lower")
    for (row, column), text in np.ndenumerate(np.array(trace.text)):
        dark = shares[row, column] > 0.6
        axes.text(column, row, text, ha="center", va="center", color="white" if dark else "black")
    axes.set_xticks(range(len(trace.x)), trace.x, rotation=30, ha="right")
    axes.set_yticks(range(len(trace.y)), trace.y)


_DRAW: dict[str, Callable[[Axes, Any, int, go.Figure], None]] = {
    "scatter": _scatter,
    "bar": _bar,
    "heatmap": _heatmap,
}
