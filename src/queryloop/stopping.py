"""Whether an experiment goes on: what its metrics say, and whether its predictions still change."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from queryloop import samples as tables
from queryloop.statistics.stopping import is_stable, kappa, stop_reason
from queryloop.storage.checkpoints import read_checkpoint
from queryloop.storage.experiment import committed
from queryloop.storage.files import check_seal

if TYPE_CHECKING:
    import numpy as np

    from queryloop.experiment import Experiment

_STOP_SET = 1000
"""Training samples whose predicted classes are compared, labelled or not; their labels are not looked at."""


class StopRules:
    """The stop rules of an experiment; they look at committed cycles only, so a resumed run stops alike."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._classes: dict[str, np.ndarray] = {}

    def reason(self) -> str | None:
        """Which rule says that it is enough, in words, or None."""
        stop = self._experiment.options.stop
        if not self._experiment.n_committed:
            return None
        load = self._experiment.catalog.load
        if found := stop_reason(load("metrics"), len(load("query")), stop):
            return found
        if stop.agreement is not None and is_stable(kappas := self._kappas(stop.window), stop):
            shown = ", ".join(f"{value:.3f}" for value in kappas)
            return f"stop.agreement: predictions change no more, kappa {shown}"
        return None

    def _kappas(self, n: int) -> list[float]:
        """Kappa between each of the last networks and the next, oldest first."""
        versions = committed(self._experiment.home)[-n - 1 :]
        for version in versions:
            if version not in self._classes:
                self._classes[version] = self._predicted(version)
        classes = [self._classes[version] for version in versions]
        return [kappa(a, b) for a, b in pairwise(classes)]

    def _predicted(self, version: str) -> np.ndarray:
        from queryloop.tasks.classification.prediction import predicted

        catalog, options = self._experiment.catalog, self._experiment.options
        folder = catalog["checkpoint"].folder
        path = folder / version / folder.name
        check_seal(path)
        samples, splits = catalog.load("samples"), catalog.load("splits")
        train = tables.ids_in(splits, "train").to_frame()
        drawn = tables.candidates(train, _STOP_SET, options.seed, 0, "stop set")
        rows = tables.rows_of(samples, drawn["sample_id"].tolist())
        images, features = catalog.load("images"), catalog.load("features")
        inputs = features if features.shape[1] else images
        return predicted(read_checkpoint(path), inputs, rows, options.training)
