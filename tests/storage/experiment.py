"""Datasets of one experiment, without a catalog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from kedro.io import Version

from queryloop.samples import query, table
from queryloop.storage.tables import ExperimentTable

SCHEMAS = {"query": "query", "pool_index": "pool_index", "labeled_index": "labeled_index"}
V1, V2, V3 = (f"2026-01-0{day}T00.00.00.000Z" for day in (1, 2, 3))


def dataset(home: Path, name: str, save: str | None = None, load: str | None = None) -> ExperimentTable:
    """A versioned table; `save` and `load` pin the versions that Kedro's session would give."""
    return ExperimentTable(
        filepath=str(home / f"{name}.parquet"),
        schema=SCHEMAS[name],
        experiment={"path": str(home)},
        version=Version(load, save),
    )


def once(home: Path | str, name: str = "starting_set") -> ExperimentTable:
    """A table that is written once."""
    path = f"{home}/{name}.parquet"
    return ExperimentTable(filepath=path, schema="query", experiment={"path": str(home)})


def folders(home: Path) -> list[Path]:
    return [home / f"{name}.parquet" for name in SCHEMAS]


def rows(name: str, ids: Sequence[str]) -> pd.DataFrame:
    """A table of that name with these ids and nothing else of interest."""
    if name == "query":
        return query(ids)
    plain = {"sample_id": list(ids)}
    filled = {"cycle": 1, "rank": 1, "labeled_at": pd.Timestamp(0, tz="UTC")}
    return table(
        name,
        pd.DataFrame(plain)
        .assign(**filled if name == "labeled_index" else {})
        .reindex(columns=table(name).columns),
    )


def save(home: Path, version: str, *names: str) -> None:
    """Save a version of these tables, with the version as the only id. Needs the lock."""
    for name in names:
        dataset(home, name, save=version).save(rows(name, [version]))


def ids(frame: pd.DataFrame) -> list[str]:
    return frame["sample_id"].tolist()
