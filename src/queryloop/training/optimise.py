"""Optimisers and learning-rate schedules by name, all from torch."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

from queryloop.options import TrainingOptions

_MOMENTUM = 0.9

OPTIMIZERS: dict[str, Callable[[nn.Module, TrainingOptions], Optimizer]] = {
    "adamw": lambda network, options: AdamW(
        network.parameters(), options.learning_rate, weight_decay=options.weight_decay, fused=True
    ),
    "sgd": lambda network, options: SGD(
        network.parameters(),
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


def configure(network: nn.Module, options: TrainingOptions, steps: int) -> tuple[Optimizer, LRScheduler]:
    """Optimiser, and the schedule that ends with the last of `steps` steps."""
    optimizer = OPTIMIZERS[options.optimizer](network, options)
    return optimizer, SCHEDULES[options.schedule](optimizer, options.learning_rate, steps)
