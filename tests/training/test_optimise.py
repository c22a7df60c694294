from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR

from queryloop.training import fit as fitting
from queryloop.training.optimise import configure
from tests.training.conftest import CPU, batches, objective


def _rates(schedule: LRScheduler, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return rates


def _plain() -> SGD:
    return SGD([nn.Parameter(torch.zeros(1))], 0.1, momentum=0.9)


def _ours(network: nn.Module, monkeypatch: pytest.MonkeyPatch, schedule: str) -> list[float]:
    """Learning rate of each step of a training."""
    rates: list[float] = []

    def spied(*arguments: Any) -> object:
        optimizer, planned = configure(*arguments)
        optimizer.register_step_pre_hook(lambda o, *_: rates.append(o.param_groups[0]["lr"]))
        return optimizer, planned

    monkeypatch.setattr(fitting, "configure", spied)
    data = batches(schedule=schedule, learning_rate=0.1, epochs=4)
    fitting.fit(network, data, objective(data), data.options, CPU)
    return rates


def test_schedules_are_stepped_once_after_every_step(
    network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {
        "constant": [0.1] * 12,
        "step": [0.1] * 10 + [0.01] * 2,
        "cosine": _rates(CosineAnnealingLR(_plain(), 12), 12),
        "one_cycle": _rates(OneCycleLR(_plain(), 0.1, 12), 12),
    }
    for name, rates in expected.items():
        assert _ours(network, monkeypatch, name) == pytest.approx(rates), name


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "one_cycle"])
def test_one_single_step_works(network: nn.Module, schedule: str) -> None:
    data, before = batches(n=3, epochs=1, schedule=schedule), [p.clone() for p in network.parameters()]
    assert fitting.fit(network, data, objective(data), data.options, CPU).steps == 1
    moved = [
        float((p - old).abs().max().detach()) for p, old in zip(network.parameters(), before, strict=True)
    ]
    assert max(moved) > 1e-4
