"""What the closing table says."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
from rich.console import Console

from queryloop import samples as tables
from queryloop.plots.console import cycles_table

from .rows import metrics


def lines(metrics: pd.DataFrame, *timings: tuple[int, str, float]) -> list[str]:
    console = Console(width=80, file=StringIO())
    rows = [(*timing, "software") for timing in timings]
    console.print(cycles_table(metrics, tables.table("timings", rows)))
    return [line for line in console.file.getvalue().splitlines() if line.strip()]


def test_a_row_for_each_cycle() -> None:
    head, _, *rows = lines(metrics([0.5, 0.75], 0.6), (0, "cycle", 1.25), (1, "cycle", 2))
    assert head.split() == ["cycle", "labels", "test", "accuracy", "balanced", "validation", "seconds"]
    assert [row.split() for row in rows] == [
        ["0", "100", "0.5000", "0.4900", "0.6000", "1.2"],
        ["1", "200", "0.7500", "0.7400", "0.6000", "2.0"],
    ]


def test_only_whole_cycles_count_and_are_summed() -> None:
    row = lines(metrics([0.5]), (0, "cycle", 1), (0, "cycle", 2), (0, "train", 50), (1, "cycle", 9))[-1]
    assert row.split()[-1] == "3.0"


def test_what_is_not_known_is_a_dash() -> None:
    found = metrics([0.5, 0.6], val_accuracy=0.4)
    found.loc[0, "val_accuracy"] = np.nan
    assert lines(found)[-2].split() == ["0", "100", "0.5000", "0.4900", "—", "—"]


def test_what_no_cycle_knows_has_no_column() -> None:
    assert "validation" not in "".join(lines(metrics([0.5])))


def test_large_numbers_fit_into_78_columns() -> None:
    large = metrics([0.5]).assign(cycle=10_000, n_labeled=1_000_000)
    shown = lines(large, (10_000, "cycle", 1e7))
    assert "1,000,000" in shown[-1]
    assert "10,000,000.0" in shown[-1]
    assert max(len(line) for line in shown) <= 78


def test_the_quality_of_an_auxiliary_is_shown_where_there_is_one() -> None:
    large = metrics([0.5, 0.6]).assign(n_labeled=1_000_000, auxiliary_quality=[float("nan"), -0.3])
    head, _, *rows = shown = lines(large, (1, "cycle", 1e5))
    assert head.split()[-2:] == ["auxiliary", "seconds"]
    assert [row.split()[-2] for row in rows] == ["—", "-0.3000"]
    assert max(len(line) for line in shown) <= 80


def test_no_cycles_give_the_head_only() -> None:
    assert len(lines(metrics([]))) == 2
