from __future__ import annotations

import pandas as pd

from queryloop.plots.comparison import curves, effort
from queryloop.statistics.effort import labels_needed

METRICS = pd.DataFrame(
    [
        {"strategy": strategy, "seed": seed, "n_labeled": labels, "accuracy": accuracy}
        for strategy, seed, accuracies in [
            ("margin", 0, (0.5, 0.9)),
            ("margin", 1, (0.6, 0.8)),
            ("margin", 2, (0.7, 0.85)),
            ("random", 0, (0.5, 0.6)),
        ]
        for labels, accuracy in zip((100, 200), accuracies, strict=True)
    ]
)


def test_each_strategy_has_its_median_in_a_band_of_its_colour() -> None:
    band, line, _, other = curves(METRICS, full_data=0.95).data
    assert line.x == (100, 200)
    assert line.y == (0.6, 0.85)
    assert band.y == (0.7, 0.9, 0.8, 0.5)
    assert band.fillcolor == line.line.color != other.line.color


def test_all_labels_are_a_line_only_where_they_are_known() -> None:
    (line,) = curves(METRICS, full_data=0.95).layout.shapes
    assert line.y0 == line.y1 == 0.95
    assert not curves(METRICS).layout.shapes


def test_what_is_not_reached_stands_apart() -> None:
    figure = effort(labels_needed(METRICS, [0.55, 0.82, 0.88]), most=200)
    known, never, other, far = figure.data
    assert (known.x, known.y) == ((0.55, 0.82), (100, 200))
    assert never.x == (0.88,)
    assert min(*never.y, *far.y) > 200
    assert never.text == ("margin: reached by 1 of 3 seeds",)
    assert (other.x, far.x) == ((0.55,), (0.82, 0.88))
