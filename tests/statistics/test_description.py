"""What stands beside the verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from queryloop.statistics.description import classes, in_order, order, per_run, times
from queryloop.statistics.imported import imported

from ..plots.made_up import ARM, SOFTWARE, compared, results

TABLE = results()
FOUND, TABLES = compared(TABLE)


def timed(*training: float) -> pd.DataFrame:
    """Timings of a run by the seconds that each of its cycles trained."""
    rows = [(n, "train", seconds, "") for n, seconds in enumerate(training, start=1)]
    return pd.DataFrame(rows, columns=["cycle", "stage", "seconds", "software"])


def test_a_first_training_that_is_shared_is_charged_to_no_arm() -> None:
    found = times({"first": [timed(100, 2, 4)], "later": [timed(0, 2, 4)], "one cycle": [timed(7)]})
    assert found.set_index("strategy")["training"].to_dict() == {"first": 3, "later": 3, "one cycle": 7}


def test_every_run_has_its_height_its_cost_and_its_software() -> None:
    runs = TABLES["runs"].dropna(subset="arm").set_index("run")
    assert runs.loc["main/margin/seed_2", "aubc"] == pytest.approx(FOUND.areas["margin", 2])
    assert (runs[list(ARM)] == list(ARM.values())).all(axis=None)
    assert set(runs["software"]) == {SOFTWARE}


def test_the_results_of_each_run_can_be_imported_again() -> None:
    again = imported(per_run(TABLE, FOUND), "accuracy", "n_labeled", taken=set())
    columns = ["strategy", "seed", "n_labeled", "accuracy"]
    pd.testing.assert_frame_equal(again[columns], TABLE[columns], check_dtype=False)


def test_budgets_that_do_not_grow_are_told_once_and_none_from_0_on() -> None:
    """As with foreground, of which a cycle may bring none."""
    grown = TABLE.assign(n_labeled=TABLE["n_labeled"].map({100: 0, 200: 200, 300: 300, 400: 300}))
    told = imported(per_run(grown, FOUND), "accuracy", "n_labeled", taken=set())
    kept = TABLE[TABLE["n_labeled"].isin([200, 400])]
    assert told["accuracy"].tolist() == kept["accuracy"].tolist()


def test_tables_name_the_highest_strategy_first() -> None:
    names = order(FOUND)
    assert names[0] == FOUND.verdict["strategy"][0] == "margin"
    assert in_order(TABLES["curves"], names)["strategy"].unique().tolist() == names
    assert in_order(TABLES["runs"], names) is TABLES["runs"]


def test_classes_that_nobody_labelled_count_for_evenness() -> None:
    labeled = pd.DataFrame({"sample_id": list("abcd"), "label": list("xxyy"), "cycle": [2] * 4})
    samples = pd.DataFrame({"sample_id": list("abcde"), "label": list("xxyyz"), "split": ["train"] * 5})
    space = (samples, np.eye(5, dtype=np.float32), "features")
    found = classes({"random": [labeled]}, space).iloc[0]
    assert found["evenness"] == pytest.approx(np.log(2) / np.log(3))
    assert found["z"] == 0
