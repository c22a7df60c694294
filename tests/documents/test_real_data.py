"""The README's environments on the real files."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from ..projects import kedro, make_project

RAW_ROOT = os.environ.get("QUERYLOOP_RAW_ROOT")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_data,
    pytest.mark.skipif(RAW_ROOT is None, reason="QUERYLOOP_RAW_ROOT does not say where the data sets lie"),
]


def measured(project: Path, name: str, *params: str) -> pd.DataFrame:
    """The metrics by number of labels after a run in the environment `name`."""
    given = ",".join([*params, f"raw_root:{RAW_ROOT}"])
    run = kedro(project, "run", "--pipeline=al_cycle", f"--env={name}", f"--params={given}")
    assert run.returncode == 0, run.stderr
    newest = max(project.glob("data/08_reporting/**/metrics.parquet/*/metrics.parquet"))
    return pd.read_parquet(newest).set_index("n_labeled")


def accuracies(project: Path, name: str, *params: str) -> pd.Series:
    """Its test accuracy."""
    return measured(project, name, *params)["accuracy"]


def test_mnist_learns_from_what_margin_asks_for(tmp_path: Path) -> None:
    short = ["strategy:margin", "n_cycles:3", "training.min_steps:200", "query.candidates:5000"]
    found = accuracies(make_project(tmp_path), "mnist", *short)
    assert found.index.tolist() == [100, 200, 300]
    assert found.iloc[-1] > 0.9
    assert found.iloc[-1] > found.iloc[0]


@pytest.mark.parametrize(("name", "least"), [("fashion_mnist", 0.6), ("cifar10", 0.2)])
def test_every_environment_runs(tmp_path: Path, name: str, least: float) -> None:
    short = [
        "strategy:entropy",
        "n_cycles:2",
        "training.epochs:5",
        "training.min_steps:60",
        "model.width:8",
        "query.candidates:2000",
    ]
    assert accuracies(make_project(tmp_path), name, *short).iloc[-1] > least


def test_boxes_of_real_scans_are_learnt_and_asked_for(tmp_path: Path) -> None:
    """A few scans and steps, and one network in place of three."""
    short = [
        "strategy:power_entropy",
        "n_cycles:2",
        "data.cases:16",
        "start.size:8",
        "query.size:4",
        "training.min_steps:100",
        "scoring.members:dropout",
        "evaluation.predictor:single",
    ]
    found = measured(make_project(tmp_path), "hippocampus", *short)
    assert found.index.tolist() == [8, 12]
    assert found["dice"].between(0.1, 1).all()
    assert found["surface_distance"].between(0, 10).all()
