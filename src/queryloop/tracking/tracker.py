"""Telling MLflow from a run of ours, which goes on whatever becomes of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import shorten

from queryloop.errors import CorruptFileError, QueryloopError
from queryloop.experiment import Experiment
from queryloop.progress import ProgressBar
from queryloop.storage import lock
from queryloop.storage.results import Run
from queryloop.tracking.mirror import Mirror, tell_comparison
from queryloop.tracking.store import Store, without_password

logger = logging.getLogger(__name__)

_LONGEST = 200  # characters of what went wrong


class Tracker:
    """Tells MLflow of what was committed, where `tracking.mlflow` says so; else it does nothing.

    Raises OptionsError for an address that MLflow does not take.
    """

    def __init__(self, experiment: Experiment) -> None:
        address = experiment.options.tracking.mlflow
        self._experiment = experiment
        self._has_warned = False
        self._store = None
        if address:
            with self._unless_away():
                self._store = Store(address)
        self._mirror = Mirror(self._store) if self._store else None

    def tell_cycles(self) -> None:
        """Tell of the committed cycles that MLflow does not know."""
        if self._mirror is None or not self._experiment.n_committed:
            return
        run = self._experiment.catalog["experiments"].run_at(self._experiment.home)
        with self._unless_away():
            self._mirror.tell(run)

    def tell_report(self) -> None:
        """Tell of the report of a comparison, and of all cycles of the data set that MLflow does not know."""
        if self._store is None:
            return
        catalog, options = self._experiment.catalog, self._experiment.options
        folder, verdict = Path(catalog["comparison_page"].path).parent, catalog.load("comparison_verdict")
        with self._unless_away():
            tell_comparison(self._store, options.dataset, options.experiment, folder, verdict)
            _tell_all(self._store, catalog.load("experiments"))

    @contextmanager
    def _unless_away(self) -> Iterator[None]:
        """Warn, once, of whatever goes wrong with the store."""
        try:
            yield
        except QueryloopError:
            raise
        except Exception as error:
            if not self._has_warned:
                said = shorten(without_password(str(error)), _LONGEST, placeholder=" ...").rstrip(".")
                logger.warning("MLflow could not be told, and will be with the next cycle or run: %s.", said)
            self._has_warned = True


def _tell_all(store: Store, runs: list[Run]) -> None:
    at_rest = [run for run in runs if not lock.holder(run.home)]  # who works on one tells of it
    with ProgressBar("telling MLflow", len(at_rest)) as bar:
        for run in at_rest:
            with suppress(CorruptFileError):  # the report says so
                Mirror(store).tell(run)
            bar.advance()
