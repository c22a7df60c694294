"""Optimisers and learning-rate schedules by name, all from torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

from queryloop.options import TrainingOptions

_MOMENTUM = 0.9

Parameters = Iterable[nn.Parameter]

OPTIMIZERS: dict[str, Callable[[Parameters, TrainingOptions], Optimizer]] = {
    "adamw": lambda parameters, options: AdamW(
        parameters, options.learning_rate, weight_decay=options.weight_decay, fused=True
    ),
    "sgd": lambda parameters, options: SGD(
        parameters,
        options.learning_rate,
        momentum=_MOMENTUM,
        nesterov=True,
        weight_decay=options.weight_decay,
        fused=True,
    ),
}

SCHEDULES: dict[str, Callable[[Optimizer, float, int], LRScheduler]] = {
    "constant": lambda optimizer, _rate, _steps: ConstantLR(optimizer, factor=1.0),
    "cosine": lambda optimizer, _rate, steps: CosineAnnealingLR(optimizer, steps),
    "one_cycle": lambda optimizer, rate, steps: OneCycleLR(optimizer, rate, steps),
}


def configure(parameters: Parameters, options: TrainingOptions, steps: int) -> tuple[Optimizer, LRScheduler]:
    """Optimiser, and the schedule that ends with the last of `steps` steps."""
    optimizer = OPTIMIZERS[options.optimizer](parameters, options)
    return optimizer, SCHEDULES[options.schedule](optimizer, options.learning_rate, steps)
