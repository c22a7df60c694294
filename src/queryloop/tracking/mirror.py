"""What of an experiment goes to MLflow: settings, and a row of metrics for each committed cycle."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from queryloop.storage.run import Run
from queryloop.tracking.store import Number, Store
from queryloop.values import flat

_LONGEST = 6000  # characters of a parameter
_NOT_IN_KEYS = re.compile(r"[^\w\-./ ]")


class Mirror:
    """One run of MLflow that is kept up to one experiment."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: tuple[Any, set[tuple[str, int]]] | None = None

    def tell(self, run: Run) -> None:
        """Tell MLflow what it lacks of the committed cycles. Raises CorruptFileError, and as `Store` does."""
        numbers = numbers_of(run)
        there, told = self._known or self._begun(run, numbers)
        self._known = None  # where telling fails, nobody knows what arrived
        lacking, end = [number for number in numbers if number.place not in told], numbers[-1].moment
        if lacking or there.info.end_time != end:
            self._store.tell_numbers(there, lacking, end)
        self._known = there, told.union(number.place for number in lacking)

    def _begun(self, run: Run, numbers: list[Number]) -> tuple[Any, set[tuple[str, int]]]:
        tags = {"queryloop.experiment": f"{_dataset(run)}/{run}", "queryloop.began": run.versions[0]}
        name = f"{run.strategy}/seed_{run.seed}"
        there = self._store.run(experiment_name(_dataset(run), run.experiment), name, tags, numbers[0].moment)
        self._store.tell_settings(there, settings_of(run))
        if there.data.metrics.get("cycle") == len(run.versions):  # the last that is told of a cycle
            return there, {number.place for number in numbers}
        return there, self._store.told(there, {number.key for number in numbers})


def tell_comparison(store: Store, dataset: str, experiment: str, folder: Path, verdict: str) -> None:
    """Give the report of a comparison to the run `comparison` of the experiment it was asked for."""
    name = experiment_name(dataset, experiment)
    run = store.run(name, "comparison", {"queryloop.comparison": name})
    store.tell_files(run, folder, verdict)


def experiment_name(dataset: str, experiment: str) -> str:
    """What an experiment name is called in MLflow, where it stands beside those of all data sets."""
    return f"{dataset}/{experiment}"


def settings_of(run: Run) -> dict[str, str]:
    """The recorded settings by their dotted names."""
    return {_key(name): _text(value)[:_LONGEST] for name, value in flat(run.settings).items()}


def numbers_of(run: Run) -> list[Number]:
    """Whatever was measured, oldest cycle first; of each cycle its own number comes last."""
    found = run.metrics.drop(columns=["strategy", "seed"])
    columns = [*found.columns.drop("cycle"), "cycle"]
    rows = found[columns].astype(float).to_dict("records")
    return [
        Number(_key(column), value, _moment(version), int(row["n_labeled"]))
        for version, row in zip(run.versions, rows, strict=True)
        for column, value in row.items()
        if math.isfinite(value)
    ]


def _dataset(run: Run) -> str:
    return run.settings["dataset"]


def _moment(version: str) -> int:
    moment = datetime.strptime(version, "%Y-%m-%dT%H.%M.%S.%fZ").replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _key(name: str) -> str:
    return _NOT_IN_KEYS.sub("_", name)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
