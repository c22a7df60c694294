"""What a strategy learns on, and how well it does, as a cycle sees it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from queryloop.tasks.classification import evidence, networks

from .tiny import N_VALIDATION, Tiny

LEARNS = {"strategy": "active_transfer"}
MANY = "data.test:1300,data.validation:120,n_cycles:1"


def members(splits: pd.DataFrame, name: str) -> set[str]:
    return set(splits.loc[splits["split"] == name, "sample_id"])


class Spy:
    """A function that notes the arguments it is called with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        function = getattr(module, name)

        def noting(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((args, kwargs))
            return function(*args, **kwargs)

        monkeypatch.setattr(module, name, noting)


def test_training_stops_by_one_half_and_the_strategy_learns_on_the_other(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trained, seen = Spy(monkeypatch, networks, "train"), Spy(monkeypatch, evidence, "predict")
    done = tiny.run("strategy:active_transfer,training.patience:1,n_cycles:1")
    assert done.exit_code == 0, done.output
    splits, samples = tiny.load("splits", **LEARNS), tiny.load("samples", **LEARNS)
    (((*_, (stopped_by, _), _pool), _),) = trained.calls
    (learned_on,) = (rows for (_, _, rows, *more), _ in seen.calls if len(more) == 3 and len(rows) == 10)
    assert set(samples["sample_id"].iloc[stopped_by]) == members(splits, "validation")
    assert set(samples["sample_id"].iloc[learned_on]) == members(splits, "transfer")
    assert not np.intersect1d(stopped_by, learned_on).size
    assert "active_transfer learns on validation samples that choose no epoch" in caplog.text
    assert tiny.settings(**LEARNS)["data"]["transfer"] == 0.5


@pytest.mark.slow
def test_other_strategies_stop_by_the_whole_and_all_labels_are_counted(tiny: Tiny) -> None:
    whole, counted = [], []
    for name in ("active_transfer", "margin"):
        assert tiny.run(f"strategy:{name},n_cycles:1").exit_code == 0
        splits = tiny.load("splits", strategy=name)
        whole.append(members(splits, "validation") | members(splits, "transfer"))
        counted += tiny.load("metrics", strategy=name)["n_validation"].tolist()
    assert whole[0] == whole[1] == members(splits, "validation")
    assert counted == [N_VALIDATION, N_VALIDATION]
    assert tiny.settings(strategy="margin")["data"]["transfer"] == 0


def test_a_control_arm_trains_the_very_same_network(tiny: Tiny) -> None:
    fast = "training.patience:1,training.epochs:6,n_cycles:1"
    assert tiny.run(f"strategy:active_transfer,{fast}").exit_code == 0
    assert tiny.run(f"strategy:random,data.transfer:0.5,{fast}").exit_code == 0
    first, second = (tiny.load("checkpoint", strategy=name) for name in ("active_transfer", "random"))
    assert first.settings == second.settings
    assert all((first.members["0"][name] == second.members["0"][name]).all() for name in first.members["0"])


def test_the_reference_is_trained_on_the_same_halves(tiny: Tiny) -> None:
    assert tiny.run("strategy:active_transfer", pipeline="full_data").exit_code == 0
    assert tiny.run("strategy:active_transfer,n_cycles:1").exit_code == 0
    row = tiny.load("full_data").iloc[0]
    assert row["n_validation"] == N_VALIDATION
    assert np.isnan(row["strategy_quality"])
    assert len(tiny.load("learning_curve", **LEARNS).layout.shapes) == 1


@pytest.mark.parametrize(
    ("name", "options"),
    [("active_transfer", MANY), ("discriminative", "n_cycles:1"), ("margin+discriminative", "n_cycles:1")],
)
def test_quality_of_the_query_stands_in_the_metrics(
    name: str, options: str, tiny: Tiny, caplog: pytest.LogCaptureFixture
) -> None:
    assert tiny.run(f"strategy:{name},{options}").exit_code == 0
    (value,) = tiny.load("metrics", strategy=name)["strategy_quality"]
    assert 0 <= value <= 1
    assert f"AUROC {value:.3f} on" in caplog.text


def test_strategies_that_learn_nothing_have_no_quality(finished: Tiny) -> None:
    assert finished.load("metrics", strategy="entropy")["strategy_quality"].isna().all()
