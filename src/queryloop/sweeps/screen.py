"""What a sweep shows while it runs: bars on a terminal, else one plain line for each experiment."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from queryloop.sweeps.plan import Planned


class Screen:
    """Told by a running sweep how it goes on. planned: all its experiments."""

    def __init__(self, planned: Sequence[Planned]) -> None:
        self._total = sum(experiment.options.n_cycles for experiment in planned)
        self._left = {str(experiment): experiment.n_left for experiment in planned}
        self._before = self._done
        self._committed: dict[str, int] = {}
        self._n_ended = sum(experiment.is_complete for experiment in planned)
        self._began = time.monotonic()
        self._console = Console()
        self._bars: dict[str, TaskID] = {}
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )

    def __enter__(self) -> Screen:
        self._progress.start()
        self._all = self._progress.add_task("all cycles", total=self._total, completed=self._done)
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def look(self, running: Sequence[Planned]) -> None:
        """Count the cycles that were committed, and show those of what is running."""
        shown = {str(experiment): experiment for experiment in running}
        for name, experiment in shown.items():
            self._count(name, experiment)
        self._progress.update(self._all, total=self._total, completed=self._done)
        for name in self._bars.keys() - shown.keys():
            self._progress.remove_task(self._bars.pop(name))
        for name, experiment in shown.items():
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(name, total=experiment.options.n_cycles)
            self._progress.update(self._bars[name], completed=self._committed[name])

    def _count(self, name: str, experiment: Planned) -> None:
        """Whether more is left is read from tables: only after a commit, as somebody looks twice a second."""
        n_committed = experiment.n_committed
        if n_committed != self._committed.get(name):
            self._committed[name], self._left[name] = n_committed, experiment.n_left

    def ended(self, experiment: Planned, failure: str | None) -> None:
        """One line: how it ended, and the time left."""
        self._n_ended += 1
        self._total -= experiment.n_left  # which nobody will do
        self._left[str(experiment)] = 0
        count = f"{self._n_ended} of {len(self._left)}"
        how = f"failed: {failure}" if failure else _result(experiment)
        self._console.print(
            f"{count}: {experiment} {how}{self._remaining()}", highlight=False, markup=False, soft_wrap=True
        )

    @property
    def _done(self) -> int:
        return self._total - sum(self._left.values())

    def _remaining(self) -> str:
        if self._done <= self._before or self._done == self._total:
            return ""
        rate = (time.monotonic() - self._began) / (self._done - self._before)
        return f"; {duration(rate * (self._total - self._done))} left"


def _result(experiment: Planned) -> str:
    last = experiment.run.metrics.iloc[-1]
    measure = next(name for name in ("accuracy", "dice") if name in last)
    done = f"done: {experiment.n_committed} cycles, {last['n_labeled']} labels"
    return f"{done}, {measure} {last[measure]:.4f}"


def duration(seconds: float) -> str:
    """A time as a person would say it."""
    if seconds < 90:
        return f"about {seconds:.0f} s"
    minutes = seconds / 60
    return f"about {minutes:.0f} min" if minutes < 90 else f"about {minutes / 60:.1f} h"
