"""Running what is left of a sweep, so many experiments at a time; one failure stops no other."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Protocol

from queryloop.sweeps.plan import Planned
from queryloop.sweeps.sharing import made_by, next_of
from queryloop.sweeps.workers import Worker, stop

_LOOK = 0.5  # seconds between two looks at the committed cycles


class Watcher(Protocol):
    """Who is told how a sweep goes on."""

    def look(self, running: Sequence[Planned]) -> None:
        """Cycles may have been committed."""

    def ended(self, experiment: Planned, failure: str | None) -> None:
        """One experiment is done, or is not for a reason."""


@dataclass(frozen=True)
class Sweep:
    """The experiments of a sweep, which run in `project` under `env`, `workers` at a time."""

    planned: Sequence[Planned]
    project: Path
    env: str | None
    workers: int

    def run(self, watcher: Watcher) -> dict[str, str]:
        """Run what is not complete. Returns by the name of an experiment why it failed.

        An experiment whose process was ended from outside (no memory left, say) is tried once more.
        Interrupted, it ends the processes first.
        """
        waiting = [experiment for experiment in self.planned if not experiment.is_complete]
        running: dict[Worker, Planned] = {}
        failures: dict[str, str] = {}
        tried: set[str] = set()
        with tempfile.TemporaryDirectory() as logs:
            try:
                while waiting or running:
                    self._start(waiting, running, Path(logs))
                    wait([worker.sentinel for worker in running], _LOOK)
                    watcher.look([*running.values()])
                    for worker in [w for w in running if not w.process.is_alive()]:
                        experiment = running.pop(worker)
                        failure = worker.failure()
                        if worker.died and str(experiment) not in tried:
                            tried.add(str(experiment))
                            waiting.insert(0, experiment)
                            continue
                        if failure:
                            failures[str(experiment)] = failure
                        watcher.ended(experiment, failure)
            finally:
                stop([*running])
        return failures

    def _start(self, waiting: list[Planned], running: dict[Worker, Planned], logs: Path) -> None:
        """Start what may start: nothing is made twice that experiments have in common."""
        while waiting and len(running) < self.workers:
            experiment = next_of(waiting, [*running.values()], made_by(self.planned))
            if experiment is None:
                return
            waiting.remove(experiment)
            log = logs / str(experiment).replace("/", "-")
            worker = Worker(self.project, self.env, experiment.runtime, experiment.threads, log)
            running[worker] = experiment
