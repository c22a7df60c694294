"""How samples of a kind go out to people and to other tools, and how their labels come back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from queryloop.exchange.answers import Answer
from queryloop.experiment import Experiment
from queryloop.handover.asked import Asked


@dataclass(frozen=True)
class Told:
    """Answers by sample, masks that they name, and sentences about them."""

    answers: Mapping[str, Answer]
    masks: Sequence[np.ndarray] = ()
    remarks: Sequence[str] = ()


class Kind(ABC):
    """Images, or boxes of scans.

    What writes a folder tells what it holds, and raises OptionsError where the folder is there already.
    """

    @abstractmethod
    def ask(self, experiment: Experiment, asked: Asked, folder: Path) -> str:
        """Write the open part of the query as files to be labelled."""

    @abstractmethod
    def files(self, given: Path) -> list[Path]:
        """Those that hold answers, of what somebody tells. Raises MissingFilesError and BrokenFileError."""

    @abstractmethod
    def mark(self, asked: Asked, path: Path) -> str:
        """What tells an answer from another one whose file is the same, byte for byte."""

    @abstractmethod
    def read(self, experiment: Experiment, asked: Asked, given: Path) -> Told:
        """What somebody tells. Raises BrokenFileError for whatever cannot be taken in."""

    @abstractmethod
    def export(self, experiment: Experiment, asked: Asked, folder: Path) -> str:
        """Write all labels so far for other tools."""

    @abstractmethod
    def predict(self, experiment: Experiment, asked: Asked, folder: Path) -> str:
        """Write what the last networks take each sample for."""
