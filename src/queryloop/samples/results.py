"""What a training is worth, as rows of tables."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from queryloop.options.beside import AUXILIARY, OPTIONS, learned_beside
from queryloop.options.measuring import measuring
from queryloop.samples.queries import next_cycle
from queryloop.samples.schema import table
from queryloop.values import flat


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


def reference_key(settings: Mapping[str, Any], n_cycles: int) -> str:
    """16 hexadecimal digits that tie a training on all labels to the curves it may be drawn beside.

    settings: as an experiment records them. n_cycles: of the experiment, whose training they are all in one
    where networks go on from cycle to cycle. Strategy, start and query have no part in it, nor what leaves
    a network that knows all labels as it is.
    """
    groups = {name: settings[name] for name in ("samples", "sources", "seed", "data", "model", "training")}
    said = {name: value for name, value in flat(groups).items() if not name.startswith(_NO_RESULT)}
    said |= measuring(settings) | {name: settings["computing"][name] for name in _PRECISIONS}
    said["beside"] = learned_beside(settings, has_pool=False)
    if said["training.patience"] == 0:  # no training stops by validation samples
        del said["data.transfer"]
    said["n_cycles"] = 1 if said["training.reinit"] == "cold" else n_cycles
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


_PRECISIONS = ("precision", "scoring_precision")
_NO_RESULT = (
    *("data.workers", "model.nnunet.trained"),
    *("training.device", "training.threads", "training.precision"),
    *(AUXILIARY, *OPTIONS),
)
"""Not recorded, or as they resolve; and what `learned_beside` tells."""
