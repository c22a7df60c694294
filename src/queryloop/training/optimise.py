"""Optimisers and learning-rate schedules by name, all from torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, MultiStepLR, OneCycleLR

from queryloop.options import TrainingOptions

_MOMENTUM = 0.9
_DROP_AT = 0.8
"""Share of the steps before a step schedule takes a tenth of the rate: 160 of 200 epochs, as published."""

Parameters = Iterable[nn.Parameter]

OPTIMIZERS: dict[str, Callable[[Parameters, float, float], Optimizer]] = {
    "adamw": lambda parameters, rate, decay: AdamW(parameters, rate, weight_decay=decay, fused=True),
    "sgd": lambda parameters, rate, decay: SGD(
        parameters, rate, momentum=_MOMENTUM, nesterov=True, weight_decay=decay, fused=True
    ),
}

SCHEDULES: dict[str, Callable[[Optimizer, float, int], LRScheduler]] = {
    "constant": lambda optimizer, _rate, _steps: ConstantLR(optimizer, factor=1.0),
    "step": lambda optimizer, _rate, steps: MultiStepLR(optimizer, [round(_DROP_AT * steps)]),
    "cosine": lambda optimizer, _rate, steps: CosineAnnealingLR(optimizer, steps),
    "one_cycle": lambda optimizer, rate, steps: (
        OneCycleLR(optimizer, rate, steps) if steps > 1 else ConstantLR(optimizer, factor=1.0)
    ),  # the only step would be the last one, without a rate
}


def configure(
    parameters: Parameters, options: TrainingOptions, rate: float, steps: int
) -> tuple[Optimizer, LRScheduler]:
    """Optimiser with this learning rate, and the schedule that ends with the last of `steps` steps."""
    optimizer = OPTIMIZERS[options.optimizer](parameters, rate, options.weight_decay)
    return optimizer, SCHEDULES[options.schedule](optimizer, rate, steps)
