"""Telling MLflow from a run of ours, which goes on whatever becomes of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from textwrap import shorten

from queryloop.errors import QueryloopError, StateError
from queryloop.experiment import Experiment
from queryloop.progress import ProgressBar
from queryloop.storage import lock
from queryloop.storage.run import Run
from queryloop.tracking.mirror import Mirror, tell_comparison
from queryloop.tracking.store import Store, is_away, without_password

logger = logging.getLogger(__name__)

_LONGEST = 200  # characters of what went wrong
_WARNING = "MLflow could not be told%s, and will be with the next cycle or run: %s."


class Tracker:
    """Tells MLflow at an address of what was committed; without an address it does nothing.

    Raises OptionsError for an address that MLflow does not take.
    """

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._has_warned = self._is_away = False
        self._mirrors: dict[Path, Mirror] = {}
        if address:
            with self._unless_away():
                _ = self._store

    @cached_property
    def _store(self) -> Store:
        """Opened once; one that was away is tried again whenever there is something to tell."""
        return Store(self._address or "")

    def tell_cycles(self, run: Run) -> None:
        """Tell of the committed cycles that MLflow does not know."""
        if self._address and run.versions:
            with self._unless_away():
                self._mirrors.setdefault(run.home, Mirror(self._store)).tell(run)

    def tell_all(self, runs: Sequence[Run]) -> None:
        """The same of experiments at rest; damaged ones are left out, which others say."""
        if not self._address:
            return
        at_rest = [run for run in runs if not lock.holder(run.home)]  # who works on one tells of it
        with ProgressBar("telling MLflow", len(at_rest)) as bar:
            for run in at_rest:
                with self._unless_away(of=f" of {run}"), suppress(StateError):
                    run.check()
                    Mirror(self._store).tell(run)
                if self._is_away:
                    break
                bar.advance()

    def tell_report(self, experiment: Experiment) -> None:
        """Tell of the report of a comparison, and of all cycles of the data set that MLflow does not know."""
        if not self._address:
            return
        catalog, options = experiment.catalog, experiment.options
        folder, verdict = Path(catalog["comparison_page"].path).parent, catalog.load("comparison_verdict")
        with self._unless_away():
            tell_comparison(self._store, options.dataset, options.experiment, folder, verdict)
        self.tell_all(catalog.load("experiments"))

    @contextmanager
    def _unless_away(self, of: str = "") -> Iterator[None]:
        """Warn, once, of whatever goes wrong with the store. of: what it is told of."""
        try:
            yield
            self._is_away = False
        except QueryloopError:
            raise
        except Exception as error:
            self._is_away = is_away(error)
            if not self._has_warned:
                said = shorten(without_password(str(error)), _LONGEST, placeholder=" ...").rstrip(".")
                logger.warning(_WARNING, of, said)
            self._has_warned = True
