"""What the learning curve shows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import plotly.io
import pytest

from queryloop.plots.curve import learning_curve
from queryloop.plots.palette import PALETTE

from .rows import full_data, metrics


def test_the_test_accuracy_is_drawn_over_the_labels() -> None:
    (trace,) = learning_curve(metrics([0.5, 0.75]), full_data()).data
    assert trace.x == (100, 200)
    assert trace.y == (0.5, 0.75)
    assert trace.mode == "lines+markers"


def test_the_title_names_strategy_seed_and_what_was_reached() -> None:
    figure = learning_curve(metrics([0.5, 0.912]), full_data())
    assert figure.layout.title.text == "entropy, seed 0: 0.912 at 200 labels"


def test_the_hover_shows_all_metrics_that_are_known() -> None:
    (trace,) = learning_curve(metrics([0.5, 0.75]), full_data()).data
    lines = trace.text[1].split("<br>")
    assert lines[:4] == ["strategy: entropy", "seed: 0", "cycle: 1", "n_labeled: 200"]
    assert "balanced_accuracy: 0.7400" in lines
    assert not any(line.startswith("val_accuracy") for line in lines)


def test_validation_has_its_own_line_and_key_when_there_is_any() -> None:
    validation, test = learning_curve(metrics([0.5, 0.75], val_accuracy=0.6), full_data()).data
    assert validation.y == (0.6, 0.6)
    assert test.y == (0.5, 0.75)
    assert (validation.line.color, validation.marker.symbol) != (test.line.color, test.marker.symbol)


def test_the_pool_by_control_labels_has_its_interval_and_ends_a_cycle_earlier() -> None:
    ends = {"accuracy": 0.6, "low": 0.4, "high": 0.7}
    known = {f"pool_{name}": [value, np.nan] for name, value in ends.items()}
    figure = learning_curve(metrics([0.5, 0.75]).assign(**known), full_data())
    pool = figure.data[0]
    assert pool.y[0] == 0.6
    assert (pool.error_y.array[0], pool.error_y.arrayminus[0]) == pytest.approx((0.1, 0.2))
    assert "pool, by control labels" in figure.layout.title.subtitle.text
    assert figure.layout.yaxis.range[0] < 0.4


@pytest.mark.parametrize(("val_accuracy", "shown"), [(0.6, True), (np.nan, False)])
def test_the_subtitle_names_only_what_is_drawn(val_accuracy: float, shown: bool) -> None:
    keys = learning_curve(metrics([0.5], val_accuracy), full_data()).layout.title.subtitle.text
    assert "test" in keys
    assert ("validation" in keys) == shown
    assert "all" not in keys


def test_training_on_all_labels_is_a_dashed_line_with_its_count() -> None:
    figure = learning_curve(metrics([0.5]), full_data(0.8, 0.95))
    (line,) = figure.layout.shapes
    assert (line.y0, line.y1, line.line.dash) == (0.95, 0.95, "dash")
    assert "all 54,000 labels: 0.950" in figure.layout.title.subtitle.text


def test_without_a_training_on_all_labels_there_is_no_line() -> None:
    assert learning_curve(metrics([0.5]), full_data()).layout.shapes == ()


@pytest.mark.parametrize("accuracy", [[0.5], [0.98, 0.99], [0.1, 1.0]])
def test_the_axes_hold_every_point_and_little_else(accuracy: list[float]) -> None:
    layout = learning_curve(metrics(accuracy), full_data(0.97)).layout
    low, high = layout.yaxis.range
    reached = [*accuracy, 0.97]
    assert min(reached) - 0.06 < low < min(reached)
    assert max(reached) < high < max(reached) + 0.06
    assert 0 < layout.xaxis.range[0] < 100


def test_the_same_input_gives_the_same_json_and_json_gives_the_figure_back() -> None:
    first, second = (learning_curve(metrics([0.5, 0.7], 0.6), full_data(0.9)) for _ in range(2))
    assert first.to_json() == second.to_json()
    assert "uid" not in first.to_json()
    assert plotly.io.from_json(first.to_json()) == first
    assert json.loads(first.to_json())["data"][1]["y"] == [0.5, 0.7]


def test_the_palette_has_different_colours() -> None:
    assert len(set(PALETTE)) == len(PALETTE) >= 6


def boxes_metrics(dice: list[float]) -> pd.DataFrame:
    """As the table `metrics` of 3D data is."""
    n = np.arange(1, len(dice) + 1)
    row = {"strategy": "entropy", "seed": 0, "cycle": n - 1, "n_labeled": 20 * n, "dice": dice}
    return pd.DataFrame({**row, "voxels": 20 * 8000 * n, "foreground_voxels": 900 * n**2})


def test_another_measure_is_drawn_over_boxes() -> None:
    full = pd.DataFrame({"n_labeled": [195], "dice": [0.9]})
    figure = learning_curve(boxes_metrics([0.7, 0.8]), full, "dice")
    (trace,) = figure.data
    assert (trace.x, trace.y) == ((20, 40), (0.7, 0.8))
    assert figure.layout.title.text == "entropy, seed 0: 0.800 at 40 boxes"
    assert (figure.layout.yaxis.title.text, figure.layout.xaxis.title.text) == ("dice", "boxes")
    assert "all voxels: 0.900" in figure.layout.title.subtitle.text


def test_a_menu_chooses_what_is_counted() -> None:
    metrics = boxes_metrics([0.7, 0.8])
    (menu,) = learning_curve(metrics, full_data(), "dice").layout.updatemenus
    assert [button.label for button in menu.buttons] == ["boxes", "voxels", "foreground voxels"]
    columns = ("n_labeled", "voxels", "foreground_voxels")
    for button, column in zip(menu.buttons, columns, strict=True):
        traces, layout = button.args
        assert traces["x"] == [metrics[column].tolist()]
        low, high = layout["xaxis"]["range"]
        assert low < metrics[column].min() < metrics[column].max() < high
        assert layout["xaxis"]["title"]["text"] == button.label


def test_images_need_no_menu() -> None:
    assert learning_curve(metrics([0.5]), full_data()).layout.updatemenus == ()


def test_a_dice_that_no_test_set_can_tell_is_drawn_nowhere() -> None:
    unknown = metrics([np.nan, np.nan])
    figure = learning_curve(unknown, full_data())
    low, high = figure.layout.yaxis.range
    assert low < 0 < 1 < high
