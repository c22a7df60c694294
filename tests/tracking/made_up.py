"""Experiments that were never run, and what MLflow knows of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from queryloop.samples import table
from queryloop.storage.run import Layers, Run

BEGAN = 1_767_225_600_000  # 2026-01-01, in milliseconds
SETTINGS = {
    "dataset": "digits",
    "experiment": "main",
    "strategy": "margin",
    "seed": 3,
    "query": {"size": 20, "loops": None},
    "model": {"patch": [32, 32, 16], "pretrained": False},
    "sources": {"fold_0/plans (1).json": "x" * 9000},
}


def made_up(n_cycles: int, began: str = "00", **columns: list[Any]) -> Run:
    """An experiment of so many cycles, one a second, with 20 labels more in each."""
    versions = [f"2026-01-01T00.00.{cycle:02}.{began:0<3}Z" for cycle in range(n_cycles)]
    rows = {
        "strategy": "margin",
        "seed": 3,
        "cycle": range(1, n_cycles + 1),
        "n_labeled": range(20, 20 * (n_cycles + 1), 20),
        "n_validation": 0,
        "gradient_steps": 100,
        "accuracy": [0.5 + 0.1 * cycle for cycle in range(n_cycles)],
        **columns,
    }
    run = Run("digits", "main", "margin", 3, versions, Layers(*[Path()] * 5))
    run.__dict__.update(
        settings=SETTINGS, metrics=table("metrics", pd.DataFrame(rows)), labeled=pd.DataFrame()
    )
    return run


def runs_of(client: Any, experiment: str) -> list[Any]:
    """The runs of an experiment of MLflow, by their names."""
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id]) if found else []
    return sorted(runs, key=lambda run: run.info.run_name)


def told(client: Any, run: Any) -> dict[str, list[tuple[int, float]]]:
    """Step and value of all that a run of MLflow was told, each as often as it was told."""
    histories = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    return {key: sorted((one.step, one.value) for one in history) for key, history in histories.items()}
