"""By which columns of `metrics` runs are compared."""

from __future__ import annotations

import pandas as pd

from queryloop.errors import OptionsError, unknown
from queryloop.options import ComparisonOptions
from queryloop.statistics.control import ESTIMATES

_NO_RESULT = ("strategy", "seed", "cycle")
_LESS_IS_BETTER = ("ece", "nll", "brier", "surface_distance")


def measured_by(metrics: pd.DataFrame, comparison: ComparisonOptions) -> tuple[str, str]:
    """The columns of measure and budget. Raises OptionsError for one that the metrics lack or that falls."""
    usual = ("dice", "voxels") if "dice" in metrics.columns else ("accuracy", "n_labeled")
    asked = (comparison.measure, comparison.budget)
    measure, budget = (own if one == "auto" else one for one, own in zip(asked, usual, strict=True))
    if measure in ESTIMATES:
        raise OptionsError(
            f"comparison.measure is {measure}, which control labels tell of a cycle only after the next one: "
            f"no curve of it is complete. Choose one of a test set, such as {usual[0]}."
        )
    for option, name in (("measure", measure), ("budget", budget)):
        if name in _NO_RESULT:
            raise OptionsError(
                f"comparison.{option} is {name}, which tells runs and cycles apart: leave it out."
            )
        if len(metrics) and name not in metrics.columns:
            raise unknown(f"comparison.{option}", name, metrics.columns)
    if measure == budget:
        raise OptionsError(f"comparison.measure and comparison.budget are both {measure}: leave one out.")
    if measure.startswith(_LESS_IS_BETTER):
        raise OptionsError(
            f"comparison.measure is {measure}, of which less is better: choose one of which more is, "
            f"such as {usual[0]}."
        )
    return measure, budget
