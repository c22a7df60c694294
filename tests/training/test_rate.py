from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from queryloop.errors import OptionsError
from queryloop.training.compute import isolated
from queryloop.training.fit import Fitted, fit
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
    assert rates[0] < 1e-2


class _Times(nn.Module):
    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, values: Tensor) -> Tensor:
        return self.strength * values


def test_too_few_steps_to_find_a_rate_are_an_error_that_helps(
    network: nn.Module, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OptionsError, match=r"learning_rate:auto found no rate .* in 3 steps: set a number"):
        fitted(network, learning_rate="auto", epochs=1)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
