from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from queryloop.training.compute import isolated
from queryloop.training.fit import Fitted, fit
from tests.training.conftest import CPU, batches, objective


class Scores:
    """A validation that says what it was told to say, and notes what it saw."""

    def __init__(self, *scores: float) -> None:
        self.scores: Iterator[float] = iter(scores)
        self.seen: list[dict[str, Tensor]] = []

    def __call__(self, network: nn.Module) -> float:
        self.seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return next(self.scores)


def _fit(network: nn.Module, validate: Scores | None = None, **options: object) -> Fitted:
    data = batches(**options)
    with isolated(1):
        torch.manual_seed(0)
        return fit(network, data, objective(data), data.options, CPU, validate)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 11])
@pytest.mark.parametrize("options", [{}, {"min_steps": 10}, {"batch_size": 1, "epochs": 1}])
def test_steps_are_exact_and_weights_finite(network: nn.Module, n: int, options: dict[str, int]) -> None:
    assert _fit(network, n=n, **options).steps == len(batches(n=n, **options))
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_it_learns(network: nn.Module, optimizer: str) -> None:
    _fit(network, epochs=30, learning_rate=0.02, optimizer=optimizer)
    data = batches()
    inputs, targets = next(iter(batches(batch_size=12)))
    assert (network.eval()(inputs).argmax(1) == targets).all()
    assert len(data.rows) == 12


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_two_trainings_give_the_same_bits(network: nn.Module, schedule: str) -> None:
    start = {name: value.clone() for name, value in network.state_dict().items()}
    ends = []
    for state in (1, 2):
        torch.manual_seed(state)
        network.load_state_dict(start)
        _fit(network, schedule=schedule, augmentation="affine")
        ends.append({name: value.clone() for name, value in network.state_dict().items()})
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in start)
    assert not torch.equal(ends[0]["1.weight"], start["1.weight"])


def test_validation_comes_once_an_epoch_and_the_last_weights_stay(network: nn.Module) -> None:
    scores = Scores(0.2, 0.9, 0.4)
    done = _fit(network, scores)
    assert (done.last, done.best, len(scores.seen)) == (0.4, 0.9, 3)
    assert _equal(network, scores.seen[2])


def test_min_steps_makes_epochs_longer_and_not_more(network: nn.Module) -> None:
    scores = Scores(*np.arange(9.0))
    assert _fit(network, scores, min_steps=20).steps == 20
    assert len(scores.seen) == 3


def test_early_stopping_brings_the_best_weights_back(network: nn.Module) -> None:
    scores = Scores(0.2, 0.9, 0.9, 0.4, 1.0)
    done = _fit(network, scores, epochs=5, patience=2)
    assert (done.steps, done.last, done.best) == (4 * 3, 0.9, 0.9)
    assert _equal(network, scores.seen[1])


def test_patience_without_end_changes_only_which_weights_stay(network: nn.Module) -> None:
    assert _fit(network, Scores(0.1, 0.2, 0.3), patience=5).steps == 9


def test_batch_normalisation_goes_on_learning_after_validation(network: nn.Module) -> None:
    scores = Scores(0.1, 0.2, 0.3)
    _fit(network, scores)
    assert [int(state["2.num_batches_tracked"]) for state in scores.seen] == [3, 6, 9]


def test_nothing_is_printed_and_no_file_written(
    network: nn.Module, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _fit(network, Scores(0.1, 0.2, 0.3))
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def test_control_c_stays_control_c(network: nn.Module) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        _breaking(network, signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_sigterm_ends_with_its_own_exit_code(network: nn.Module) -> None:
    with pytest.raises(SystemExit) as end:
        _breaking(network, signal.SIGTERM)
    assert end.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def _breaking(network: nn.Module, number: signal.Signals) -> None:
    def killing(logits: Tensor, targets: Tensor) -> Tensor:
        os.kill(os.getpid(), number)
        return F.cross_entropy(logits, targets, reduction="none")

    data = batches()
    deadly = objective(data)
    deadly.losses = killing
    fit(network, data, deadly, data.options, CPU)


def _equal(network: nn.Module, state: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
