"""Progress bars for what takes over two seconds; none where the output is no terminal."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_PATIENCE = 2.0  # seconds without a bar


class ProgressBar:
    """A bar that appears after two seconds on a terminal and takes itself away at the end.

    label: what is going on; total: how many steps it has.
    """

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total = label, total
        self._screen = sys.stdout  # wherever print() goes to later on
        self._watched = Console(file=self._screen).is_terminal
        self._begin = time.monotonic()
        self._bar: Progress | None = None
        self._done = 0

    def advance(self, steps: int = 1) -> None:
        """Count steps that are done."""
        self._done += steps
        if self._bar is None and self._watched and time.monotonic() - self._begin > _PATIENCE:
            self._bar = self._start()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _start(self) -> Progress:
        columns = (TextColumn(self._label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        mingles = sys.stdout is self._screen  # else what is printed stays where it goes
        screen = Console(file=self._screen)
        bar = Progress(*columns, console=screen, transient=True, redirect_stdout=mingles)
        bar.add_task(self._label, total=self._total)
        bar.start()
        return bar
