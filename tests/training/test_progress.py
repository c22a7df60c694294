from __future__ import annotations

import contextlib
import io
import sys

import pytest
from torch import nn

from queryloop import progress
from queryloop.training.fit import fit
from tests.training.conftest import CPU, batches, objective


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")


def test_a_long_training_shows_its_steps(
    network: nn.Module, terminal: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", -1.0)
    data = batches()
    fit(network, data, objective(data), data.options, CPU)
    assert "training" in capsys.readouterr().out


def test_a_short_training_shows_nothing(
    network: nn.Module, terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    data = batches()
    fit(network, data, objective(data), data.options, CPU)
    assert capsys.readouterr().out == ""


def test_what_is_printed_elsewhere_stays_there_and_the_bar_on_the_screen(
    terminal: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", -1.0)
    log = io.StringIO()
    with progress.ProgressBar("working", 2) as bar, contextlib.redirect_stdout(log):
        bar.advance()
        sys.stdout.write("a remark\n")
    assert log.getvalue() == "a remark\n"
    shown = capsys.readouterr().out
    assert "working" in shown
    assert "remark" not in shown
