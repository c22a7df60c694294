"""How long a sweep will take, from the cycles that were timed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from queryloop.errors import StateError
from queryloop.options import ExperimentOptions
from queryloop.sweeps.plan import Planned, merged
from queryloop.sweeps.workers import Worker, stop

_READ = ("01_raw", "03_primary", "04_feature")  # layers that no experiment owns
_ONCE = ["ingest", "extract", "split"]  # stages that no later cycle has


def seconds_a_cycle(planned: Sequence[Planned]) -> dict[str, float]:
    """Mean seconds of the committed cycles of each strategy; empty where none is committed."""
    parts = [experiment.run.timings().assign(strategy=experiment.options.strategy) for experiment in planned]
    timings = pd.concat(parts)
    cycles = timings[timings["stage"] == "cycle"].groupby("strategy")["seconds"].agg(["sum", "size"])
    once = timings[timings["stage"].isin(_ONCE)].groupby("strategy")["seconds"].sum()
    means = cycles["sum"].sub(once, fill_value=0) / cycles["size"]
    return {str(name): float(mean) for name, mean in means.items()}


def seconds_left(planned: Sequence[Planned], known: dict[str, float], workers: int) -> float:
    """Seconds until all is done; a strategy that was not timed counts as the mean of those that were."""
    usual = sum(known.values()) / len(known)
    left = [e.n_left * known.get(e.options.strategy, usual) for e in planned]
    return max(sum(left) / workers, *left, 0)  # the cycles of one experiment wait for each other


def timed_cycle(experiment: Planned, project: Path, env: str | None) -> float:
    """Seconds of the first cycle of an experiment, run beside the project and thrown away.

    Raises StateError where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder)
        for name in ("data", "src"):
            (beside / name).mkdir()
        for name in ("conf", "pyproject.toml", ".telemetry", *(f"data/{layer}" for layer in _READ)):
            if (project / name).exists():
                (beside / name).symlink_to(project / name)
        runtime = merged(experiment.runtime, {"n_cycles": 1, "tracking": {"mlflow": None}})
        runtime = merged(runtime, _paths(experiment.options, project))
        worker = Worker(beside, env, runtime, experiment.threads, beside / "log")
        try:
            failure = worker.failure()
        finally:
            stop([worker])
        if failure:
            raise StateError(f"the cycle that was to be timed failed: {failure}")
        parts = map(pd.read_parquet, beside.glob("data/08_reporting/**/timings.parquet/*.parquet"))
        seconds = pd.concat(parts).set_index("stage")["seconds"]
        return float(seconds["cycle"] - seconds.reindex(_ONCE).sum())


def _paths(options: ExperimentOptions, project: Path) -> dict[str, Any]:
    """The parameters that are paths, as they hold in any folder."""
    found: dict[str, Any] = {"raw_root": _anywhere(options.raw_root, project)}
    if options.query.loops is not None:
        found["query"] = {"loops": _anywhere(options.query.loops, project)}
    if options.model.nnunet.trained is not None:
        found["model"] = {"nnunet": {"trained": _anywhere(options.model.nnunet.trained, project)}}
    return found


def _anywhere(path: str, project: Path) -> str:
    return str(project / Path(path).expanduser())
