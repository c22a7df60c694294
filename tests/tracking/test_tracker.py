"""Telling MLflow from a run, whatever becomes of the store and of single experiments."""

from __future__ import annotations

from typing import Any

import pytest

from queryloop.tracking import tracker
from queryloop.tracking.tracker import Tracker

from .made_up import made_up, runs_of, told

pytestmark = pytest.mark.slow


def test_a_store_that_could_not_be_opened_is_told_with_the_next_cycle(
    address: str, client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(_: str) -> None:
        raise RuntimeError("table registered_models already exists")

    with monkeypatch.context() as patch:
        patch.setattr(tracker, "Store", away)
        ours = Tracker(address)
        ours.tell_cycles(made_up(1))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    ours.tell_cycles(made_up(2))
    (run,) = runs_of(client, "digits/main")
    assert [step for step, _ in told(client, run)["accuracy"]] == [20, 40]


def test_an_experiment_whose_metrics_lack_a_cycle_keeps_no_other_from_being_told(
    address: str, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    damaged, whole = made_up(3), made_up(3, began="01")
    damaged.__dict__["metrics"] = damaged.metrics.iloc[:2]
    Tracker(address).tell_all([damaged, whole])
    (run,) = runs_of(client, "digits/main")
    assert run.data.tags["queryloop.began"] == whole.versions[0]
    assert not caplog.records


def test_an_experiment_that_the_store_refuses_keeps_no_other_from_being_told(
    address: str, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client.delete_experiment(client.create_experiment("digits/main"))
    other = made_up(2)
    other.__dict__["experiment"] = "other"
    Tracker(address).tell_all([made_up(2), other])
    assert len(runs_of(client, "digits/other")) == 1
    assert "MLflow could not be told of main/margin/seed_3" in caplog.text


def test_a_store_that_does_not_answer_is_asked_once(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def away(_: object, run: object) -> None:
        asked.append(str(run))
        raise ConnectionError("refused")

    monkeypatch.setattr(tracker.Mirror, "tell", away)
    Tracker(address).tell_all([made_up(2), made_up(2)])
    assert len(asked) == len(caplog.records) == 1
