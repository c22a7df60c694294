"""The progress bar of a training."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback

from queryloop.progress import ProgressBar


class TrainingBar(Callback):
    """Counts gradient steps on a bar of `total` steps."""

    def __init__(self, total: int, label: str = "training") -> None:
        self._bar = ProgressBar(label, total)

    def on_train_batch_end(self, *_: Any) -> None:
        """Count the step."""
        self._bar.advance()

    def on_train_end(self, *_: Any) -> None:
        """Take the bar away."""
        self._bar.close()

    def on_exception(self, *_: Any) -> None:
        """Take the bar away when training is broken off."""
        self._bar.close()
