"""What is kept of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from queryloop.options import ComparisonOptions
from queryloop.pipelines.compare import keep
from queryloop.pipelines.gather import _measured


def test_a_picture_of_nothing_is_not_kept() -> None:
    table = pd.DataFrame()
    *_, picture, verdict, page = keep({"calibration": table}, {"calibration": go.Figure()}, "said", "<html>")
    assert (picture, verdict, page) == (b"", "said", "<html>")


@dataclass
class Measured:
    """A run by its name and its Dice in each cycle."""

    name: str
    dice: list[float]

    @property
    def metrics(self) -> pd.DataFrame:
        return pd.DataFrame({"dice": self.dice, "voxels": [100.0 * (n + 1) for n in range(len(self.dice))]})

    def __str__(self) -> str:
        return self.name


def test_a_run_without_a_dice_in_every_cycle_is_left_out_alone() -> None:
    """As where a test set holds no foreground and none is predicted."""
    runs: list[Any] = [(Measured("told", [0.5, 0.6]), None), (Measured("untold", [np.nan, 0.6]), None)]
    found, left_out = _measured(runs, ComparisonOptions())
    assert list(found) == ["told"]
    assert left_out == [("untold", "its dice is not known in 1 of 2 cycles")]
