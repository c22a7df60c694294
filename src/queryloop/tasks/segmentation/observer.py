"""How the networks of a checkpoint look at whole scans."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from queryloop.boxes.box import Box
from queryloop.boxes.sums import Each, Sums
from queryloop.boxes.voxels import VoxelScorer
from queryloop.errors import NonFiniteError
from queryloop.progress import ProgressBar
from queryloop.tasks.segmentation import metrics
from queryloop.tasks.segmentation.scans import Scans


@dataclass(frozen=True)
class Observer(ABC):
    """How the networks look at whole cases."""

    scans: Scans

    @abstractmethod
    def sums(self, case: str, each: Each | None = None) -> Sums:
        """The running sums of all members over one case."""

    @abstractmethod
    def embeddings(self, boxes: Sequence[Box]) -> Tensor:
        """What the encoders make of the patches around some boxes, (N, E)."""

    def slabs(self, case: str, scorer: VoxelScorer) -> Iterable[Sums]:
        """What a scorer of voxels reads, as `boxes.Pool.sums` gives it: the case as one slab."""
        with _naming(case):
            return [self.sums(case, scorer.each)]

    def labels(self, case: str) -> np.ndarray:
        """The likeliest class of each voxel, (Z, Y, X) uint8."""
        with _naming(case):
            return self.sums(case).classes.numpy()


@contextmanager
def _naming(case: str) -> Iterator[None]:
    """Let a NonFiniteError from inside say which scan it is of."""
    try:
        yield
    except NonFiniteError as error:
        raise NonFiniteError(f"scan {case}: {error}") from None


def measured(observer: Observer, cases: Sequence[str]) -> dict[str, float]:
    """Dice and surface distance, mean and by class, in the grids of the files."""
    scans, found = observer.scans, []
    with ProgressBar("testing", len(cases)) as bar:
        for case in cases:
            found.append(_compared(scans, case, observer.labels(case)))
            bar.advance()
    return metrics.summary(found, scans.classes)


def _compared(scans: Scans, case: str, predicted: np.ndarray) -> metrics.Case:
    truth = scans.native_labels(case)
    affine = scans.cases[case].native.affine
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0)).tolist()
    return metrics.measured(scans.to_native(predicted, case), truth, len(scans.classes), spacing)
