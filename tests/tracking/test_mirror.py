"""What an experiment is in MLflow: one run, told of each cycle once, whatever happens in between."""

from __future__ import annotations

from typing import Any

import pytest

from queryloop.tracking.mirror import Mirror
from queryloop.tracking.store import Store

from .made_up import BEGAN, made_up, runs_of, told

pytestmark = pytest.mark.slow

NAN = float("nan")


def test_an_experiment_is_a_run_with_its_settings_and_a_number_for_each_cycle(
    address: str, client: Any
) -> None:
    Mirror(Store(address)).tell(made_up(3, strategy_quality=[NAN, 0.25, NAN]))
    (run,) = runs_of(client, "digits/main")
    assert (run.info.run_name, run.info.status) == ("margin/seed_3", "FINISHED")
    assert (run.info.start_time, run.info.end_time) == (BEGAN, BEGAN + 2000)
    assert run.data.tags["queryloop.experiment"] == "digits/main/margin/seed_3"
    assert told(client, run) == {
        "cycle": [(20, 1), (40, 2), (60, 3)],
        "n_labeled": [(20, 20), (40, 40), (60, 60)],
        "n_validation": [(20, 0), (40, 0), (60, 0)],
        "gradient_steps": [(20, 100), (40, 100), (60, 100)],
        "accuracy": [(20, 0.5), (40, 0.6), (60, 0.7)],
        "strategy_quality": [(40, 0.25)],
    }
    params = dict(run.data.params)
    assert len(params.pop("sources.fold_0/plans _1_.json")) == 6000
    assert params == {
        "dataset": "digits",
        "experiment": "main",
        "strategy": "margin",
        "seed": "3",
        "query.size": "20",
        "query.loops": "null",
        "model.patch": "[32, 32, 16]",
        "model.pretrained": "false",
    }


def test_what_was_told_is_not_told_again(address: str, client: Any) -> None:
    mirror = Mirror(Store(address))
    for n_cycles in (1, 1, 2, 4):
        mirror.tell(made_up(n_cycles))
    Mirror(Store(address)).tell(made_up(4))
    Mirror(Store(address)).tell(made_up(5))
    (run,) = runs_of(client, "digits/main")
    assert [step for step, _ in told(client, run)["accuracy"]] == [20, 40, 60, 80, 100]
    assert run.info.end_time == BEGAN + 4000


@pytest.mark.parametrize("anew", [False, True])
def test_what_a_later_cycle_says_of_an_earlier_one_is_told_at_the_earlier(
    address: str, client: Any, anew: bool
) -> None:
    mirror = Mirror(Store(address))
    mirror.tell(made_up(2, control_accuracy=[0.5, NAN]))
    mirror = Mirror(Store(address)) if anew else mirror
    mirror.tell(made_up(3, control_accuracy=[0.5, 0.75, NAN]))
    (run,) = runs_of(client, "digits/main")
    assert told(client, run)["control_accuracy"] == [(20, 0.5), (40, 0.75)]


def test_an_experiment_that_began_anew_is_another_run(address: str, client: Any) -> None:
    for began in ("00", "01"):
        Mirror(Store(address)).tell(made_up(2, began))
    assert [len(told(client, run)["cycle"]) for run in runs_of(client, "digits/main")] == [2, 2]


def test_names_that_mlflow_does_not_take_are_told_in_its_letters(address: str, client: Any) -> None:
    Mirror(Store(address)).tell(made_up(1, **{"dice_tumor+œdema": [0.5]}))
    (run,) = runs_of(client, "digits/main")
    assert run.data.metrics["dice_tumor_œdema"] == 0.5


class Failing:
    """A client whose n-th request is lost, or done without an answer."""

    def __init__(self, client: Any, n: int, is_done: bool) -> None:
        self._client, self.left, self._is_done = client, n, is_done

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def asked(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                if self._is_done:
                    method(*args, **kwargs)
                raise ConnectionError(name)
            return method(*args, **kwargs)

        return asked


@pytest.mark.parametrize("is_done", [False, True])
def test_whichever_request_fails_nothing_is_missing_or_told_twice(
    address: str, client: Any, is_done: bool
) -> None:
    lost, n = True, 0
    while lost:
        n += 1
        store = Store(address)
        failing = store._client = Failing(store._client, n, is_done)  # type: ignore[assignment]
        mirror, lost = Mirror(store), False
        for n_cycles in (1, 2, 2):
            try:
                mirror.tell(made_up(n_cycles, f"{n:02}"))
            except ConnectionError:
                lost = True
        assert (failing.left <= 0) == lost
    runs = runs_of(client, "digits/main")
    assert len(runs) == n > 5
    for run in runs:
        assert (run.info.status, run.info.end_time - run.info.start_time) == ("FINISHED", 1000)
        assert told(client, run) == told(client, runs[0])
        assert run.data.params == runs[0].data.params
        assert [step for step, _ in told(client, run)["cycle"]] == [20, 40]
