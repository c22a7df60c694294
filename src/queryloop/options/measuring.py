"""What the number that networks are compared by depends on, beside the networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queryloop.values import flat

_OF_SCANS = ("evaluation.predictor", "scoring.tile", "scoring.tile_step", "scoring.mirrors")


def measuring(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the recorded settings, by dotted names, that change what is measured on the test set.

    The size of an ensemble is one where all its networks predict, or where the first one learns from what
    the number of folds leaves it.
    """
    known = flat(settings)
    together = known.get("evaluation.predictor") == "ensemble" or known.get("training.ensemble") == "folds"
    names = (*_OF_SCANS, "scoring.ensemble_size") if together else _OF_SCANS
    return {name: known.get(name) for name in names}
