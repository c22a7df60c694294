"""When a run ends, how experiments are compared, who else is told: parameters that change no cycle."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from queryloop.options.strict import Options
from queryloop.values import Count


class StopOptions(Options):
    """Rules that end a run before `n_cycles`; they change no cycle, and none of them sees the test set."""

    budget: Count | None = None
    """Labels that no query may go beyond; validation labels are not among them."""
    target: Annotated[float, Field(gt=0, le=1)] | None = None
    """Validation accuracy that is enough; without a validation set, the lower end of the 95% interval of
    the accuracy on the pool, by control labels."""
    plateau: Count | None = None
    """So many cycles without a better validation accuracy."""
    gain: Annotated[float, Field(ge=0)] = 0.0
    """For `plateau`: better is more than this above the best so far."""
    agreement: Annotated[float, Field(gt=0, le=1)] | None = None
    """Kappa of the predictions of one network and the next; 0.99 is usual."""
    window: Count = 3
    """For `agreement`: the mean of so many cycles counts."""


class LevelOptions(Options):
    """Between which two levels the labels to a level are told; null: as far as the mean curves go."""

    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> LevelOptions:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high go together: set both, or none")
        if self.ends and self.ends[0] >= self.ends[1]:
            raise ValueError("low must be less than high")
        return self

    @property
    def ends(self) -> tuple[float, float] | None:
        """Low and high, if they are set."""
        return None if self.low is None or self.high is None else (self.low, self.high)


class ComparisonOptions(Options):
    """How experiments are compared; changes none of them."""

    target: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Level that labels saved are told for; null: the highest round one that all seeds of random reach."""
    measure: str = "auto"
    """Column of `metrics` that is compared, higher is better. auto: accuracy, or dice in 3D."""
    budget: str = "auto"
    """Column of `metrics` that counts what was labelled. auto: n_labeled, or voxels in 3D."""
    levels: LevelOptions = LevelOptions()
    strategies: Annotated[list[str], Field(min_length=1)] | None = None
    """Only runs of these, and of random; null: all."""
    imported: str | None = None
    """CSV of runs from elsewhere: strategy, seed, n_labeled, metric."""


def _can_be_told(address: str | None) -> str | None:
    if address and find_spec("mlflow") is None:
        raise ValueError("it needs MLflow, which is not installed: pip install 'queryloop[mlflow]'")
    return address


class TrackingOptions(Options):
    """Who is told of results beside the files, which stay the truth."""

    mlflow: Annotated[str | None, AfterValidator(_can_be_told)] = None
    """Address of an MLflow server (http://HOST:5000) or of a file (sqlite:///mlflow.db); null: nobody."""
