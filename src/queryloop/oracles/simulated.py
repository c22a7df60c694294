"""An oracle that knows every label, and may be wrong at a set rate."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from queryloop import samples as tables
from queryloop.errors import StateError
from queryloop.options import OracleOptions
from queryloop.randomness import uniform_by_id


def answer(asked: pd.DataFrame, samples: pd.DataFrame, options: OracleOptions, seed: int) -> pd.DataFrame:
    """Answers to all samples in `asked`, as rows of `answers`.

    With noise, an answer names one of the other classes with that probability; which samples and
    which class depend on (seed, id) only, so all strategies of a seed meet the same mistakes.
    """
    known = samples.set_index("sample_id").loc[asked["sample_id"], "label"]
    if known.isna().any():
        raise StateError(
            f"{known.isna().sum()} of {len(known)} samples have no label that the oracle could give:"
            " ask people, with oracle.name:people and another experiment name."
        )
    labels = _with_noise(known, tables.classes(samples), options.noise, seed)
    cycle = int(asked["cycle"].max())
    return tables.table(
        "answers",
        {
            "sample_id": asked["sample_id"].to_numpy(),
            "label": labels,
            "annotator": "simulated",
            "labeled_at": dt.datetime.now(dt.UTC),
            "seconds": np.nan,
            "import_id": f"simulated-{cycle:06d}",
        },
    )


def _with_noise(known: pd.Series, classes: list[str], rate: float, seed: int) -> np.ndarray:
    ids = known.index.tolist()
    wrong = uniform_by_id(seed, 0, "oracle noise", ids) < rate
    shift = 1 + (uniform_by_id(seed, 0, "oracle class", ids) * (len(classes) - 1)).astype(int)
    number = np.searchsorted(classes, known.to_numpy().astype(str))
    return np.asarray(classes)[np.where(wrong, (number + shift) % len(classes), number)]
