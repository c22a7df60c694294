"""Fitting a network: the exact steps, no more and no less, in a bare Lightning Trainer."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from queryloop.options import TrainingOptions
from queryloop.training.compute import Compute, isolated
from queryloop.training.objective import Minimised, Steps
from queryloop.training.optimise import configure
from queryloop.training.progress import TrainingBar
from queryloop.training.rate import Tries, find_rate
from queryloop.training.trainer import bare_trainer, run

N = TypeVar("N", bound=nn.Module)
Validate = Callable[[N], float]

_FIRST = 1e-3  # a range test sets its own rates, but an optimiser must begin with one


@dataclass(frozen=True)
class Fitted:
    """What happened.

    steps: gradient steps made. learning_rate: as set or found. last, best: validation score, None
    without validation; last is that of the weights that were kept.
    """

    steps: int
    learning_rate: float
    last: float | None
    best: float | None


def fit(
    network: N,
    batches: Steps,
    objective: Minimised[N],
    options: TrainingOptions,
    compute: Compute,
    validate: Validate[N] | None = None,
) -> Fitted:
    """Train `network` in place, on fresh optimiser state.

    objective: what each step minimises. validate: score of the network, higher is
    better, asked once an epoch; an epoch is 1 / `epochs` of all steps, so `min_steps` makes epochs
    longer and not more. With `patience` training ends after so many epochs without a better score,
    and the best weights come back.
    """
    steps = len(batches)
    rate = _rate(network, batches, objective, options, compute)
    module = _Module(network, objective, options, rate, compute, steps)
    scores = _Scores(network, validate, math.ceil(steps / options.epochs), options.patience)
    trainer = bare_trainer(compute.device, [scores, TrainingBar(steps)])
    run(trainer, module, batches)
    scores.restore()
    return Fitted(trainer.global_step, rate, scores.last, scores.best)


def _rate(
    network: N, batches: Steps, objective: Minimised[N], options: TrainingOptions, compute: Compute
) -> float:
    """The learning rate; found on a copy of the network, so that the training is the same as with it set."""
    if options.learning_rate != "auto":
        return options.learning_rate
    tries, still = Tries(batches), options.model_copy(update={"schedule": "constant"})
    trial = _Module(copy.deepcopy(network), objective.plain(), still, _FIRST, compute, len(tries))
    with isolated(compute.threads):
        return find_rate(trial, tries, compute.device)


class _Module(LightningModule):
    """The one training step."""

    def __init__(
        self,
        network: nn.Module,
        objective: Minimised[Any],
        options: TrainingOptions,
        learning_rate: float,
        compute: Compute,
        steps: int,
    ) -> None:
        super().__init__()
        self.network, self.objective, self.compute = network, objective, compute
        self.learning_rate, self._options, self._steps = learning_rate, options, steps

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        inputs, targets = batch
        with self.compute.autocast():
            return self.objective(self.network, inputs, targets, self.global_step / self._steps)

    def configure_optimizers(self) -> Any:
        trained = self.objective.parameters(self.network)
        optimizer, schedule = configure(trained, self._options, self.learning_rate, self._steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _Scores(Callback):
    """Validation once an epoch; with early stopping it also keeps the best weights."""

    def __init__(self, network: nn.Module, validate: Validate[Any] | None, every: int, patience: int) -> None:
        self.last: float | None = None
        self.best: float | None = None
        self._network, self._validate, self._every, self._patience = network, validate, every, patience
        self._weights: dict[str, Tensor] | None = None
        self._waited = 0

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        step = trainer.global_step
        if self._validate is not None and (step % self._every == 0 or step == trainer.num_training_batches):
            self._take(self._validate(self._network))
            trainer.should_stop = 0 < self._patience <= self._waited

    def restore(self) -> None:
        if self._weights is not None:
            self._network.load_state_dict(self._weights)
            self.last = self.best

    def _take(self, score: float) -> None:
        self.last = score
        better = self.best is None or score > self.best
        self._waited = 0 if better else self._waited + 1
        if better:
            self.best = score
        if better and self._patience:
            self._weights = copy.deepcopy(self._network.state_dict())
