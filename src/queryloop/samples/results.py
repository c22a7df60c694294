"""What a training is worth, as rows of tables."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from queryloop.options import DataOptions, ModelOptions, TrainingOptions
from queryloop.samples.queries import next_cycle
from queryloop.samples.schema import table


def metrics_row(
    labeled: pd.DataFrame,
    splits: pd.DataFrame,
    log: Mapping[str, Any],
    evaluation: Mapping[str, float],
    strategy: str,
    seed: int,
    quality: float = math.nan,
) -> pd.DataFrame:
    """One row of `metrics`: what the checkpoint was trained on, how it went, whatever was measured of it.

    n_validation counts all labels beside the labelled set, those a strategy learns on too. quality: AUROC
    of the strategy's own predictor, NaN where it has none.
    """
    row = {
        "strategy": strategy,
        "seed": seed,
        "cycle": next_cycle(labeled) - 1,
        "n_labeled": len(labeled),
        "n_validation": int(splits["split"].isin(["validation", "transfer"]).sum()),
        "strategy_quality": quality,
    }
    told = {name: math.nan if value is None else value for name, value in log.items()}  # JSON has no NaN
    numbers = {name: value for name, value in told.items() if isinstance(value, int | float)}
    return table("metrics", [{**numbers, **evaluation, **row}])


def reference_key(
    fingerprint: str,
    data: DataOptions,
    model: ModelOptions,
    training: TrainingOptions,
    n_cycles: int,
    seed: int,
) -> str:
    """16 hexadecimal digits that tie a training on all labels to the curves it may be drawn beside."""
    options = [
        data.model_dump(exclude={"workers"}),
        model.model_dump(),
        training.in_one(n_cycles).model_dump(exclude={"device"}),
    ]
    said = json.dumps([fingerprint, *options, seed], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
