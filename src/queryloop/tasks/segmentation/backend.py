"""What a cycle asks of the networks for scans, whichever kind they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from queryloop.boxes.box import Box
from queryloop.boxes.kinds import BoxStrategy
from queryloop.options import ExperimentOptions, ModelOptions
from queryloop.tasks.segmentation.observer import Observer
from queryloop.tasks.segmentation.scans import Scans
from queryloop.tasks.task import Looking, Recipe
from queryloop.training.checkpoint import Checkpoint


class Backend(ABC):
    """A kind of network, by whose name `model.name` chooses it."""

    def check(self, options: ExperimentOptions, typed: Collection[str]) -> None:  # noqa: B027
        """Raise OptionsError for what this kind cannot have. typed: parameters of the command line."""

    def settled(self, options: ExperimentOptions, strategy: BoxStrategy) -> ExperimentOptions:  # noqa: ARG002
        """The options with what this kind decides. Raises OptionsError where the strategy cannot work so."""
        return options

    def sentences(self, options: ExperimentOptions) -> list[str]:
        """How networks come about, where they are more than one, or other than the options say."""
        if options.scoring.members != "ensemble":
            return []
        folds = ", each without a part of the labelled scans" * (options.training.ensemble == "folds")
        return [f"{options.scoring.ensemble_size} networks are trained in each cycle{folds}."]

    def trains(self, model: ModelOptions) -> bool:  # noqa: ARG002
        """Whether each cycle trains networks, and does not take them from elsewhere."""
        return True

    def sources(self, model: ModelOptions) -> dict[str, str]:  # noqa: ARG002
        """Hash of each file, beside the data set, that networks come from."""
        return {}

    @abstractmethod
    def train(
        self, scans: Scans, cases: Sequence[str], labels: Mapping[Box, np.ndarray], recipe: Recipe
    ) -> Checkpoint:
        """One network on the labels of some boxes, and on those of the cases that cost nothing.

        labels: of each box in these cases, uint8 of its size, IGNORE where nobody labelled.
        """

    @abstractmethod
    def observer(self, checkpoint: Checkpoint, scans: Scans, looking: Looking, seed: int) -> Observer:
        """The members that are compared or averaged in scoring. seed: of dropout masks."""

    @abstractmethod
    def predictor(self, checkpoint: Checkpoint, scans: Scans, looking: Looking, kind: str) -> Observer:
        """The `single` first network, or the `ensemble` of all."""
