"""The reference trained on every label: one row for each setting, drawn beside curves of the same."""

from __future__ import annotations

import numpy as np
import pytest

from queryloop import samples as tables
from queryloop.errors import OptionsError
from queryloop.tasks.classification import networks
from queryloop.tasks.registry import tasks
from queryloop.tasks.task import Data

from .tiny import N_TRAIN, N_VALIDATION, Tiny


def reference_lines(tiny: Tiny) -> list[float]:
    return [shape.y0 for shape in tiny.load("learning_curve", strategy="entropy").layout.shapes]


def test_one_row_for_all_labels_and_no_experiment(tiny: Tiny) -> None:
    result = tiny.run(pipeline="full_data")
    assert result.exit_code == 0, result.output
    row = tiny.load("full_data").iloc[0]
    assert (row["n_labeled"], row["n_validation"]) == (N_TRAIN, N_VALIDATION)
    assert not (tiny.folder / "data/05_model_input").exists()


def test_second_call_trains_nothing_and_adds_nothing(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tiny.run(pipeline="full_data").exit_code == 0
    before = tiny.tree()
    monkeypatch.setattr(networks, "train", None)
    assert tiny.run(pipeline="full_data").exit_code == 0
    assert tiny.tree() == before


def test_every_setting_has_a_row_of_its_own(tiny: Tiny) -> None:
    for params in ("", "training.epochs:1", "seed:1", "strategy:entropy,query.size:5,data.workers:1"):
        assert tiny.run(params, pipeline="full_data").exit_code == 0
    rows = tiny.load("full_data")
    assert len(rows) == rows["settings"].nunique() == 3
    assert sorted(rows["seed"]) == [0, 0, 1]


def test_curve_shows_the_reference_of_its_own_settings_only(begun: Tiny) -> None:
    for params, n_cycles in (("training.epochs:1", 4), ("", 5)):
        assert begun.run(params, pipeline="full_data").exit_code == 0
        assert begun.run(f"strategy:entropy,n_cycles:{n_cycles}").exit_code == 0
        longest = begun.load("full_data").nlargest(1, "gradient_steps")["accuracy"].tolist()
        assert reference_lines(begun) == ([] if params else longest)


def test_where_networks_go_on_it_learns_as_long_as_all_cycles(tiny: Tiny) -> None:
    for reinit in ("cold", "warm"):
        params = f"training.reinit:{reinit},n_cycles:3"
        assert tiny.run(params, pipeline="full_data").exit_code == 0
    cold, warm = sorted(tiny.load("full_data")["gradient_steps"])
    assert warm == 3 * cold


def test_reference_leaves_experiments_as_they_are(begun: Tiny) -> None:
    before = begun.tree()
    assert begun.run("strategy:entropy", pipeline="full_data").exit_code == 0
    assert before.items() <= begun.tree().items()


def test_samples_without_a_label_are_named() -> None:
    labels = [None if i < 60 else "cat" for i in range(100)]
    table = {"sample_id": [f"{i:03d}" for i in range(100)], "label": labels, "split": "train"}
    samples = tables.table("samples", table)
    data = Data(samples, samples[["sample_id", "split"]], np.empty(0))
    with pytest.raises(OptionsError, match=r"60 of 100 samples have no label \(000, 001, .* and 55 more\)"):
        tasks()["classification"].everything(data)
