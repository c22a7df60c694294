"""The columns of every table, and their types."""

from __future__ import annotations

import pandas as pd

COLUMNS: dict[str, dict[str, str]] = {
    "samples": {"sample_id": "str", "label": "str", "split": "str"},
    "splits": {"sample_id": "str", "split": "str"},
    "query": {"sample_id": "str", "rank": "int64", "score": "float64"},
    "pool_index": {"sample_id": "str"},
    "scores": {"sample_id": "str", "score": "float64"},
    "answers": {
        "sample_id": "str",
        "label": "str",
        "annotator": "str",
        "labeled_at": "datetime64[us, UTC]",
        "seconds": "float64",
        "import_id": "str",
    },
    "labeled_index": {
        "sample_id": "str",
        "label": "str",
        "cycle": "int64",
        "rank": "int64",
        "score": "float64",
        "strategy": "str",
        "annotator": "str",
        "labeled_at": "datetime64[us, UTC]",
    },
    "metrics": {
        "strategy": "str",
        "seed": "int64",
        "cycle": "int64",
        "n_labeled": "int64",
        "n_validation": "int64",
        "gradient_steps": "int64",
        "strategy_quality": "float64",
    },
    "timings": {"cycle": "int64", "stage": "str", "seconds": "float64", "software": "str"},
}
COLUMNS["full_data"] = {"settings": "str", **COLUMNS["metrics"]}


BOX = ("z", "y", "x", "dz", "dy", "dx")
"""Corner and size of a box, in voxels of the store's grid: behind the others where samples are boxes."""

CONTROL = {"control": "bool", "predicted": "str"}
"""Whether a sample was drawn at random, and the class that the network named before it was labelled."""

MORE: dict[str, dict[str, str]] = {
    "query": dict.fromkeys((*BOX, "channel"), "int64") | CONTROL,
    "labeled_index": dict.fromkeys(BOX, "int64") | CONTROL,
    "scores": dict.fromkeys((*BOX, "channel"), "int64"),
}
"""Columns that some data sets have; `channel`: the class by which a box was found, or -1."""

MEASURES = frozenset({"metrics", "full_data"})
"""Tables that have, behind the columns named here, a number for whatever the task measures."""


def table(name: str, rows: object = ()) -> pd.DataFrame:
    """`rows` as the table `name`: its columns in order, with their types; other ones are left out."""
    found = pd.DataFrame(rows)
    if not found.columns.isin(list(COLUMNS[name])).any():  # none, or rows without names
        found = pd.DataFrame(rows, columns=list(COLUMNS[name]))
    columns = types(name, found)
    return found.reindex(columns=list(columns)).astype(columns)


def types(name: str, rows: pd.DataFrame) -> dict[str, str]:
    """The columns of `rows` as the table `name`, in order: those it must have, those it may have and has."""
    more = {column: kind for column, kind in MORE.get(name, {}).items() if column in rows}
    fixed = {**COLUMNS[name], **more}
    measures = rows.columns.drop(list(fixed), errors="ignore") if name in MEASURES else []
    return {**fixed, **{column: str(rows[column].dtype) for column in measures}}
