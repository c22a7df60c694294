"""The pictures of a comparison, on a page and as PNG."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from queryloop.pipelines.compare import PICTURES
from queryloop.plots import comparison as plots
from queryloop.plots.raster import png
from queryloop.statistics.paired import paired_t

from .made_up import compared, results

TABLE = results()
FOUND, TABLES = compared(TABLE)


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_drawn_as_png_too(name: str) -> None:
    figure = getattr(plots, name)(TABLE, FOUND, TABLES)
    assert figure.data
    picture = Image.open(io.BytesIO(png(figure)))
    assert picture.format == "PNG"
    assert np.asarray(picture.convert("L")).std() > 5


def drawn(figure: go.Figure, name: str) -> tuple[go.Scatter, go.Scatter]:
    """The band and the line of a strategy."""
    band, line = (trace for trace in figure.data if trace.name == name)
    return band, line


def test_each_strategy_has_its_median_in_a_band_of_its_colour() -> None:
    band, line = drawn(plots.curves(TABLE, FOUND, TABLES), "random")
    runs = FOUND.curves.xs("random", level="strategy")
    assert line.x == (100, 200, 300, 400)
    assert line.y == pytest.approx(runs.median())
    assert band.y == pytest.approx([*runs.max(), *runs.min()[::-1]])
    assert band.fillcolor == line.line.color


def test_the_gain_at_a_budget_is_the_paired_difference_with_its_interval() -> None:
    band, line = drawn(plots.gains(TABLE, FOUND, TABLES), "margin")
    runs = FOUND.curves[300]
    found = paired_t((runs.loc["margin"] - runs.loc["random"]).to_numpy())
    assert line.x[2] == band.x[2] == 300
    assert line.y[2] == pytest.approx(100 * found.mean)
    assert (band.y[5], band.y[2]) == pytest.approx((100 * found.low, 100 * found.high))


def test_one_seed_has_a_gain_and_no_interval() -> None:
    table = results(n_seeds=1)
    figure = plots.gains(table, *compared(table))
    band, line = drawn(figure, "margin")
    assert len(band.x) == 0
    assert np.isfinite(line.y).all()


def test_of_many_strategies_only_the_highest_and_the_control_have_bands() -> None:
    table = results(n_more=4)
    found, tables = compared(table)
    bands = [trace.name for trace in plots.curves(table, found, tables).data if trace.fill]
    assert sorted(bands) == ["margin", "random"]
    assert [trace.name for trace in plots.gains(table, found, tables).data if trace.fill] == ["margin"]


def test_bars_of_one_colour_differ_by_their_pattern() -> None:
    table = results(n_more=8)
    bars = plots.classes(table, *compared(table)).data
    looks = [(bar.marker.color, bar.marker.pattern.shape) for bar in bars]
    assert len(set(looks)) == len(looks) == 11


def test_the_matrix_is_ordered_by_height() -> None:
    (matrix,) = plots.penalties(TABLE, FOUND, TABLES).data
    assert matrix.x == matrix.y
    assert matrix.y[0] == "margin"
    assert matrix.z[0][matrix.x.index("random")] == 1


def test_a_strategy_has_one_colour_in_all_pictures() -> None:
    lines = [trace for trace in plots.curves(TABLE, FOUND, TABLES).data if not trace.fill]
    colours = {line.name: line.line.color for line in lines}
    assert len(set(colours.values())) == 3
    for bar in plots.classes(TABLE, FOUND, TABLES).data:
        assert bar.marker.color == colours[bar.name]
    for bar in plots.ranks(TABLE, FOUND, TABLES).data:
        assert bar.line.color == colours[bar.name]


def test_all_labels_are_a_line_only_where_they_are_known() -> None:
    (line,) = plots.curves(TABLE, FOUND, TABLES).layout.shapes
    assert line.y0 == line.y1 == 0.95
    assert not plots.curves(TABLE, compared(TABLE, None)[0], TABLES).layout.shapes


def test_what_is_not_reached_stands_apart() -> None:
    figure = plots.levels(TABLE, FOUND, TABLES)
    crosses = {trace.name: trace for trace in figure.data if trace.mode == "markers"}
    assert min(crosses["random"].y) > 400
    assert crosses["random"].text[-1] == "random: reached by 0 of 4 seeds"


def test_the_axis_of_levels_shows_all_budgets_though_none_reaches_one() -> None:
    never = replace(FOUND, levels=FOUND.levels.assign(median=np.nan, reached=0))
    figure = plots.levels(TABLE, never, TABLES)
    low, high = figure.layout.yaxis.range
    marks = [height for trace in figure.data for height in trace.y]
    assert low < 100
    assert 400 < min(marks) < max(marks) < high < 500


def test_half_the_critical_difference_stands_on_each_side_of_a_rank() -> None:
    first = plots.ranks(TABLE, FOUND, TABLES).data[0]
    assert first.name == "margin"
    assert first.x[2] - first.x[0] == pytest.approx(FOUND.standings.ranks.critical)


def test_the_axis_of_ranks_shows_ranks_that_there_are() -> None:
    assert plots.ranks(TABLE, FOUND, TABLES).layout.xaxis.range == (0.5, 3.5)
