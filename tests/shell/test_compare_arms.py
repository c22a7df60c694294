"""`kedro al compare` on strategies that train more than one network, or something beside it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from queryloop.options import ComparisonOptions
from queryloop.pipelines.compare import judge
from queryloop.pipelines.gather import gather

from .tiny import Tiny

OWN = "n_cycles:2,scoring.ensemble_size:2,training.min_steps:30"
ARMS = {
    "main": ["strategy:random", "strategy:vote_entropy", "strategy:adversarial"],
    "aided": ["strategy:random,training.auxiliary:adversarial"],
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """One seed of each arm, with settings that are not those of the project."""
    tiny = Tiny.create(tmp_path_factory.mktemp("arms") / "project")
    for experiment, arms in ARMS.items():
        for arm in arms:
            done = tiny.run(f"experiment:{experiment},{arm},{OWN}")
            assert done.exit_code == 0, done.output
    return tiny


def test_an_ensemble_and_what_is_trained_beside_stand_with_their_controls(swept: Tiny) -> None:
    result = swept.al("compare")
    assert result.exit_code == 0, result.output
    assert "Left out" not in result.stdout
    verdict = pd.read_csv(Path(swept.folder, "data/08_reporting/digits/comparison/main/verdict.csv"))
    controls = dict(verdict[["strategy", "control"]].to_numpy().tolist())
    assert controls == {"vote_entropy": "random (main)", "adversarial": "random (aided)"}


def test_the_line_of_all_labels_is_that_of_the_settings_of_the_runs(swept: Tiny) -> None:
    lines = []
    for params in ("", OWN):
        done = swept.run(params, pipeline="full_data")
        assert done.exit_code == 0, done.output
        lines.append(line(swept))
    rows = swept.load("full_data").sort_values("gradient_steps")
    assert len(rows) == 2
    assert lines == [None, rows["accuracy"].iloc[-1]]


def line(tiny: Tiny) -> float | None:
    """Of a comparison that is asked for without any settings."""
    field, runs = gather(tiny.load("experiments"), "main", ComparisonOptions())
    return judge(field, runs, tiny.load("full_data"), ComparisonOptions())[1].full_data
