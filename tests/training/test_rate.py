from __future__ import annotations

import copy
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from queryloop.errors import OptionsError
from queryloop.options import ModelOptions
from queryloop.tasks.classification.networks import train
from queryloop.tasks.task import Recipe
from queryloop.training.compute import isolated
from queryloop.training.fit import Fitted, fit
from queryloop.training.rate import Tries, steepest
from tests.tasks.conftest import CLASSES, IMAGES, LABELS, TRAINING
from tests.training.conftest import CPU, batches, objective


def fitted(network: nn.Module, **options: object) -> Fitted:
    data = batches(**options)
    with isolated(1):
        torch.manual_seed(0)
        return fit(network, data, objective(data), data.options, CPU)


def test_a_rate_that_is_found_trains_as_if_it_had_been_set(
    network: nn.Module, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    twin = copy.deepcopy(network)
    found = fitted(network, learning_rate="auto", min_steps=60)
    assert 1e-6 < found.learning_rate < 1
    assert fitted(twin, learning_rate=found.learning_rate, min_steps=60) == found
    assert all(map(torch.equal, network.state_dict().values(), twin.state_dict().values()))
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_network_that_answers_ten_times_as_strongly_gets_a_lower_rate(
    optimizer: str, schedule: str
) -> None:
    rates = []
    for strength in (1.0, 10.0):
        network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2), _Times(strength))
        nn.init.zeros_(network[1].weight)
        nn.init.zeros_(network[1].bias)
        given = {"optimizer": optimizer, "schedule": schedule, "min_steps": 100}
        rates.append(fitted(network, learning_rate="auto", **given).learning_rate)
    assert 1e-5 < rates[1] < rates[0] / 2


class _Times(nn.Module):
    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, values: Tensor) -> Tensor:
        return self.strength * values


@pytest.mark.parametrize("middle", [30, 60])
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_steepest_point_of_a_known_curve_is_found(middle: int, noise: float) -> None:
    """A step of a logistic curve over log(rate), whose middle is steepest, before the loss runs away."""
    rates, places = np.geomspace(1e-5, 1, 100), np.arange(100)
    losses = 2.3 / (1 + np.exp((places - middle) / 6)) + np.exp((places - 90) / 3)
    losses += noise * np.random.default_rng(0).standard_normal(100)
    found = steepest(rates, losses.tolist())
    assert found is not None
    assert abs(np.log10(found / rates[middle])) < (0.3 if noise else 0.06)


@pytest.mark.parametrize(("peak", "end"), [(1.2, 1.0), (50.0, 1.5), (50.0, 0.9)])
def test_what_falls_after_a_rise_is_not_taken_for_the_steepest(peak: float, end: float) -> None:
    losses = [*np.linspace(2, 1, 60), *[peak] * 10, *[end] * 30]
    found = steepest(np.geomspace(1e-5, 1, 100), losses)
    assert found is not None
    assert found < np.geomspace(1e-5, 1, 100)[60]


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, 2.0, 3.0]])
def test_where_the_loss_never_falls_there_is_no_rate(losses: list[float]) -> None:
    assert steepest(np.geomspace(1e-5, 1, 100)[: len(losses)], losses) is None


def test_a_network_that_does_not_learn_is_an_error_that_helps(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2), _Times(np.nan))
    with pytest.raises(
        OptionsError, match=r"auto found no rate from 1e-05 to 1 at .*: set a number, such as"
    ):
        fitted(network, learning_rate="auto")
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_a_training_of_few_steps_is_tried_as_often_as_any(network: nn.Module) -> None:
    """Three steps, tried over and over; with more of the same batches the same rate is found."""
    tries = Tries(batches(epochs=1))
    assert len(tries) == len(list(tries)) == 100
    found = fitted(network, learning_rate="auto", epochs=1)
    assert found.steps == 3
    assert 1e-4 < found.learning_rate < 1


@pytest.mark.parametrize("n", [50, 200])
def test_on_digits_the_rate_is_within_a_decade_of_a_good_one(n: int) -> None:
    """With 0.01 a small network learns digits well (0.9 with 200 labels), with 0.0002 it does not."""
    training = TRAINING.model_copy(update={"learning_rate": "auto", "min_steps": 1, "epochs": 1})
    model = ModelOptions(name="cnn", width=8)
    made = train(IMAGES, (np.arange(n), LABELS[:n]), CLASSES, Recipe(model, training, 0))
    assert 1e-3 < made.settings["log"]["learning_rate"] < 1e-1


def test_an_interrupted_range_test_is_a_keyboard_interrupt(network: nn.Module) -> None:
    data = batches(learning_rate="auto")
    before, made = signal.getsignal(signal.SIGINT), objective(data)
    made.losses = lambda *_: os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), isolated(1):
        fit(network, data, made, data.options, CPU)
    assert signal.getsignal(signal.SIGINT) is before
