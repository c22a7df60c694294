"""What is compared, by the columns that the metrics have."""

from __future__ import annotations

import pandas as pd
import pytest

from queryloop.errors import OptionsError
from queryloop.options import ComparisonOptions
from queryloop.statistics.measure import measured_by

IMAGES = pd.DataFrame({"accuracy": [0.5], "macro_f1": [0.4], "n_labeled": [10]})
VOLUMES = pd.DataFrame({"dice": [0.5], "voxels": [100], "foreground_voxels": [10], "n_labeled": [2]})


def test_the_headline_measure_and_budget_are_those_of_the_task() -> None:
    assert measured_by(IMAGES, ComparisonOptions()) == ("accuracy", "n_labeled")
    assert measured_by(VOLUMES, ComparisonOptions()) == ("dice", "voxels")
    assert measured_by(pd.DataFrame(), ComparisonOptions()) == ("accuracy", "n_labeled")


def test_another_column_can_be_asked_for_and_must_be_there() -> None:
    asked = ComparisonOptions(budget="foreground_voxels")
    assert measured_by(VOLUMES, asked) == ("dice", "foreground_voxels")
    with pytest.raises(OptionsError, match=r"unknown comparison\.measure 'f1'"):
        measured_by(IMAGES, ComparisonOptions(measure="f1"))
    with pytest.raises(OptionsError, match="nll, of which less is better"):
        measured_by(IMAGES.assign(nll=1.0), ComparisonOptions(measure="nll"))


@pytest.mark.parametrize("column", ["strategy", "seed", "cycle"])
def test_what_tells_runs_and_cycles_apart_is_no_measure(column: str) -> None:
    for asked in (ComparisonOptions(measure=column), ComparisonOptions(budget=column)):
        with pytest.raises(OptionsError, match=f"is {column}, which tells runs and cycles apart"):
            measured_by(IMAGES.assign(**{column: 1}), asked)


def test_measure_and_budget_are_two() -> None:
    with pytest.raises(OptionsError, match="are both accuracy"):
        measured_by(IMAGES, ComparisonOptions(budget="accuracy"))
