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
        "auxiliary_steps": "int64",
        "auxiliary_quality": "float64",
        "train_accuracy": "float64",
        "val_accuracy": "float64",
        "best_val_accuracy": "float64",
        "accuracy": "float64",
        "balanced_accuracy": "float64",
        "macro_f1": "float64",
        "nll": "float64",
        "brier": "float64",
        "ece": "float64",
        "strategy_quality": "float64",
    },
    "timings": {"cycle": "int64", "stage": "str", "seconds": "float64"},
}
COLUMNS["full_data"] = {"settings": "str", **COLUMNS["metrics"]}


def table(name: str, rows: object = ()) -> pd.DataFrame:
    """`rows` as the table `name`: its columns in order, with their types."""
    columns = COLUMNS[name]
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)
