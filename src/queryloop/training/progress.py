"""A progress bar for trainings that take a while."""

from __future__ import annotations

import time
from typing import Any

from lightning.pytorch import Callback, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_PATIENCE = 2.0  # seconds without a bar


class ProgressBar(Callback):
    """Shows the steps on a terminal after two seconds, and takes itself away at the end."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._bar: Progress | None = None
        self._watched = Console().is_terminal
        self._begin = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Count the step."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=trainer.global_step)
        elif self._watched and time.monotonic() - self._begin > _PATIENCE:
            self._bar = _started(self._total)

    def on_train_end(self, *_: Any) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def on_exception(self, *_: Any) -> None:
        """Take the bar away when training is broken off."""
        self.on_train_end()


def _started(total: int) -> Progress:
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, transient=True)
    bar.add_task("training", total=total)
    bar.start()
    return bar
