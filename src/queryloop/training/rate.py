"""The learning rate, found by a range test where nobody set it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from queryloop.errors import OptionsError
from queryloop.training.objective import Steps
from queryloop.training.progress import TrainingBar
from queryloop.training.trainer import bare_trainer, run

_RATES = np.geomspace(1e-5, 1, 100)  # below, the loss of a batch says more about the batch than the rate
_WIDTH = 5  # rates either side, a quarter of a decade, over which losses are averaged
_RISE = 0.2  # share of the first loss, by which a loss that is only noisy hardly rises


@dataclass(frozen=True)
class Tries:
    """The batches of a range test, one a rate: those of a training, over and over where they are fewer."""

    batches: Steps

    def __len__(self) -> int:
        return len(_RATES)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return islice(chain.from_iterable(repeat(self.batches)), len(self))


def find_rate(module: LightningModule, tries: Tries, device: str) -> float:
    """The rate at which the loss falls fastest, of 100 from 1e-5 to 1, one step each (Smith 2017).

    module: a network that may be spoilt, with a constant schedule. Raises OptionsError where the loss never
    falls.
    """
    test = _RangeTest()
    run(bare_trainer(device, [test, TrainingBar(len(tries), "finding the rate")]), module, tries)
    found = steepest(_RATES[: len(test.losses)], test.losses)
    if found is None:
        raise OptionsError(
            f"training.learning_rate:auto found no rate from {_RATES[0]:g} to {_RATES[-1]:g} at which the "
            "loss falls: set a number, such as training.learning_rate:0.01."
        )
    return found


def steepest(rates: np.ndarray, losses: Sequence[float]) -> float | None:
    """The rate at which the smoothed loss falls fastest per log(rate); None where it never falls.

    rates: (N,), each the same multiple of the one before. losses: of the steps with them. After a small rise
    it falls from its lowest on, after a large one training has diverged. Source: as `steep` of fastai's
    lr_find, whose running mean lags by up to a decade, though: here a Gaussian mean of both sides.
    """
    if len(losses) < 2:
        return None
    smoothed = _smoothed(np.asarray(losses))
    lowest = np.minimum.accumulate(smoothed)
    diverged = np.flatnonzero(smoothed - lowest > _RISE * smoothed[0])
    slopes = np.gradient(lowest, np.log(rates))[: diverged[0] if len(diverged) else None]
    best = int(slopes.argmin())
    return float(rates[best]) if slopes[best] < 0 else None


def _smoothed(losses: np.ndarray) -> np.ndarray:
    places = np.arange(len(losses))
    weights = np.exp(-(((places[:, None] - places) / _WIDTH) ** 2) / 2)
    return weights @ losses / weights.sum(axis=1)


class _RangeTest(Callback):
    """Takes each step with the next rate, until the loss is no number any more; remembers the losses."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = float(_RATES[len(self.losses)])

    def on_train_batch_end(self, trainer: Trainer, _module: LightningModule, outputs: Any, *_: Any) -> None:
        loss = float(outputs["loss"])
        if math.isfinite(loss):
            self.losses.append(loss)
        else:
            trainer.should_stop = True
