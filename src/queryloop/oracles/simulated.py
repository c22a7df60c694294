"""An oracle that knows every label, and may be wrong at a set rate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from queryloop.errors import StateError
from queryloop.options import OracleOptions
from queryloop.oracles.given import by_itself
from queryloop.randomness import uniform_by_id


def answer(asked: pd.DataFrame, known: pd.Series, options: OracleOptions, seed: int) -> pd.DataFrame:
    """Answers to all samples in `asked`, as rows of `answers`. known: their true labels, by id.

    With noise, an answer names one of the other classes with that probability; which samples and
    which class depend on (seed, id) only, so all strategies of a seed meet the same mistakes.
    """
    if known.isna().any():
        raise StateError(
            f"{known.isna().sum()} of {len(known)} samples have no label that the oracle could give:"
            " ask people, with oracle.name:people and another experiment name."
        )
    labels, cycle = _with_noise(known, options.noise, seed), int(asked["cycle"].max())
    return by_itself(asked, labels, "simulated", f"simulated-{cycle:06d}")


def _with_noise(known: pd.Series, rate: float, seed: int) -> np.ndarray:
    ids, classes = known.index.tolist(), known.cat.categories.to_numpy()
    wrong = uniform_by_id(seed, 0, "oracle noise", ids) < rate
    shift = 1 + (uniform_by_id(seed, 0, "oracle class", ids) * (len(classes) - 1)).astype(int)
    number = known.cat.codes.to_numpy()
    return classes[np.where(wrong, (number + shift) % len(classes), number)]
