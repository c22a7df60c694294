"""Lightning's Trainer with everything off that prints, writes, or takes over signals."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.utilities.exceptions import SIGTERMException

_CHATTER = logging.getLogger("lightning.pytorch")


def bare_trainer(device: str, callbacks: list[Callback]) -> Trainer:
    """A Trainer that goes once through its batches on one device."""
    where = torch.device(device)
    with quiet():
        return Trainer(
            accelerator=where.type,
            devices=1 if where.index is None else [where.index],
            plugins=[LightningEnvironment()],  # a cluster's variables are no reason to requeue or to wait
            max_epochs=1,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )


def run(trainer: Trainer, module: LightningModule, batches: Iterable[Any]) -> None:
    """Fit, and let Ctrl-C be KeyboardInterrupt and SIGTERM exit code 143 (Lightning makes them 1 and 0)."""
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        with quiet():
            trainer.fit(module, train_dataloaders=batches)
    except SIGTERMException:
        raise SystemExit(128 + signal.SIGTERM) from None
    except SystemExit:
        signal.signal(signal.SIGINT, on_interrupt)
        raise KeyboardInterrupt from None


@contextmanager
def quiet() -> Iterator[None]:
    """Hide what Lightning says about itself; warnings that it logs still come through."""
    level = _CHATTER.level
    _CHATTER.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            yield
    finally:
        _CHATTER.setLevel(level)
