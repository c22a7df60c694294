"""What a cycle asks of a task: the one place where images and 3D scans differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pandas as pd

from queryloop.errors import OptionsError
from queryloop.options import (
    EvaluationOptions,
    ExperimentOptions,
    ModelOptions,
    QueryOptions,
    ScoringOptions,
    StartOptions,
    TrainingOptions,
)
from queryloop.training.checkpoint import Checkpoint
from queryloop.training.folds import Fold


@dataclass(frozen=True, eq=False)
class Data:
    """What a task works on.

    samples: the table. splits: who is test, validation, transfer and train. inputs: what the networks get,
    images or features by the row of `samples`, or scans by id. masks: labels of boxes by their key, where
    people drew them.
    """

    samples: pd.DataFrame
    splits: pd.DataFrame
    inputs: Any
    masks: Any = None


@dataclass(frozen=True)
class Looking:
    """How the networks look at samples."""

    query: QueryOptions
    scoring: ScoringOptions
    training: TrainingOptions


@dataclass(frozen=True, eq=False)
class Recipe:
    """How one network is trained.

    seed: of all its draws. fold: what it does not learn from; None: nothing is left out. previous: where
    `reinit` warm and shrink_perturb start; None starts cold.
    """

    model: ModelOptions
    training: TrainingOptions
    seed: int
    fold: Fold | None = None
    previous: Checkpoint | None = None


class Task(ABC):
    """Images or 3D scans. Tables are those of `samples`; `labeled` is what networks learn from."""

    name: str
    measure: str
    """The column of `metrics` that says how good a network is, 0..1."""
    ignored: frozenset[str]
    """Parameters of the other tasks."""

    def check(self, options: ExperimentOptions, typed: Collection[str] = ()) -> None:  # noqa: ARG002
        """Raise OptionsError for a parameter without effect; tasks add checks of their names.

        typed: dotted names of the command line, where what an environment may set is refused too.
        """
        for key in sorted(self.ignored):
            if _at(options, key) != _at(_DEFAULTS, key):
                raise OptionsError(
                    f"{key} has no effect on {self.name}, which data set {options.dataset!r} is for: "
                    "leave it out."
                )

    @abstractmethod
    def strategy(self, name: str, options: Mapping[str, Any]) -> Any:
        """The strategy of that name. Raises OptionsError for an unknown name or option."""

    @abstractmethod
    def meaning(self, name: str, options: Mapping[str, Any]) -> str:
        """One text for all names of a strategy with these options. Raises OptionsError for a wrong option."""

    @abstractmethod
    def settled(self, options: ExperimentOptions) -> ExperimentOptions:
        """The options with a value for every `auto` that depends on the strategy.

        Raises OptionsError where the strategy cannot work with them, with the words to add.
        """

    @abstractmethod
    def sentences(self, options: ExperimentOptions) -> list[str]:
        """What is done beyond training one network, for the screen."""

    def n_trained(self, options: ExperimentOptions) -> int:
        """How many networks each cycle trains."""
        return options.scoring.ensemble_size if options.scoring.members == "ensemble" else 1

    def recorded(self, options: ExperimentOptions) -> dict[str, str]:  # noqa: ARG002
        """What files hold that options of `query` name, in the place of their paths, by option.

        Raises OptionsError, MissingFilesError and BrokenFileError where a run cannot go by them.
        """
        return {}

    def sources(self, model: ModelOptions) -> dict[str, str]:  # noqa: ARG002
        """Hash of each file, beside the data set, that networks come from."""
        return {}

    @abstractmethod
    def starting_set(
        self, data: Data, start: StartOptions, query: QueryOptions, n_cycles: int, seed: int
    ) -> pd.DataFrame:
        """The first query, the same for all strategies of a seed. Raises OptionsError if too large."""

    @abstractmethod
    def known(self, asked: pd.DataFrame, samples: pd.DataFrame) -> pd.Series:
        """The true label of each sample asked for, by its id; categories: all labels that there are."""

    @abstractmethod
    def left(
        self, pool: pd.DataFrame, labeled: pd.DataFrame, inputs: Any, query: QueryOptions
    ) -> pd.DataFrame:
        """What of the pool can still be asked for."""

    @abstractmethod
    def everything(self, data: Data) -> pd.DataFrame:
        """All training samples with their labels, as `labeled_index`, of cycle 0."""

    @abstractmethod
    def looked_at(self, data: Data, pool: pd.DataFrame, training: TrainingOptions) -> list[str]:
        """Ids of the training samples that a training looks at whether they are labelled or not."""

    @abstractmethod
    def train(self, data: Data, labeled: pd.DataFrame, pool: pd.DataFrame, recipe: Recipe) -> Checkpoint:
        """One network, on what is labelled."""

    @abstractmethod
    def measured(
        self,
        checkpoint: Checkpoint,
        data: Data,
        labeled: pd.DataFrame,
        looking: Looking,
        evaluation: EvaluationOptions,
    ) -> dict[str, float]:
        """Metrics on the test set, and of what is labelled."""

    @abstractmethod
    def evidence(
        self,
        checkpoint: Checkpoint,
        data: Data,
        pool: pd.DataFrame,
        labeled: pd.DataFrame,
        strategy: Any,
        looking: Looking,
        seed: int,
    ) -> Any:
        """What the strategy needs, in memory only, or how it can be seen."""

    @abstractmethod
    def scores(self, evidence: Any, strategy: Any, *, k: int, seed: int) -> pd.DataFrame:
        """The strategy's score of each candidate, higher first; null where it gives none."""

    @abstractmethod
    def chosen(
        self, scores: pd.DataFrame, evidence: Any, strategy: Any, *, k: int, seed: int
    ) -> pd.DataFrame:
        """The next query, best first; all that there is, and a warning, where that is fewer than k."""

    @abstractmethod
    def shown(
        self,
        checkpoint: Checkpoint,
        data: Data,
        labeled: pd.DataFrame,
        query: pd.DataFrame,
        looking: Looking,
        images: Any,
    ) -> tuple[Any, ...]:
        """What the picture of a query is drawn from, by the task's function in `plots.galleries`."""


def _at(options: ExperimentOptions, key: str) -> Any:
    return reduce(getattr, key.split("."), options)


_DEFAULTS: Any = ExperimentOptions(
    experiment="main", dataset="digits", strategy="random", seed=0, n_cycles=1, raw_root="."
)
