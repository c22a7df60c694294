"""`kedro al tune`: training options chosen on the starting set alone, and written where runs read them."""

from __future__ import annotations

from math import inf
from pathlib import Path

import numpy as np
import pytest
import yaml

from queryloop.options import ExperimentOptions
from queryloop.sweeps.tune import FILE, _set_by_hand
from queryloop.sweeps.tuning import Trial, best_of, drawn, search_space

from .test_refusals import refusal
from .tiny import SETTINGS, Tiny

QUICK = ("--trials=2", "--seeds=2", "--folds=2")


def test_the_best_is_written_shown_and_used_by_the_next_run(tiny: Tiny) -> None:
    result = tiny.al("tune", *QUICK)
    assert result.exit_code == 0, result.output
    assert "Set by hand, and left as they are: augmentation, epochs, min_steps, threads." in result.stdout
    text = (tiny.folder / "conf" / "local" / "parameters_tuned.yml").read_text()
    chosen = yaml.safe_load(text)["training"]
    assert set(chosen) == {"learning_rate", "weight_decay", "batch_size", "optimizer"}
    assert "2 trials, 2 folds of 2 starting sets, 40 labels" in text
    assert not [*tiny.folder.glob("data/05_model_input/**/labeled_index.parquet")]
    assert tiny.run("strategy:random,n_cycles:1").exit_code == 0
    recorded = tiny.settings(strategy="random")["training"]
    assert {key: recorded[key] for key in chosen} == chosen


def test_what_is_set_by_hand_in_any_file_that_kedro_reads_stays(tmp_path: Path) -> None:
    files = {"parameters.yaml": "a", "more/parameters_x.json": "b", "parameters/own.yml": "c"}
    for name, key in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'{{"training": {{"{key}": 1}}}}')
    (tmp_path / FILE).write_text("training: {tuned: 1}")
    (tmp_path / "catalog.yml").write_text("training: {other: 1}")
    assert _set_by_hand(tmp_path, {"training": {"typed": 1}}) == ["a", "b", "c", "typed"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--folds=21"], "21 folds need as many labels"),
        (["--params=strategy:margin"], "the random arm of each seed"),
        (["--params=training.epoch:3"], "training.epochs"),
    ],
)
def test_what_cannot_be_tuned_is_refused(tiny: Tiny, options: list[str], said: str) -> None:
    assert said in refusal(tiny.al("tune", *QUICK[:2], *options))
    assert not (tiny.folder / "conf" / "local" / "parameters_tuned.yml").exists()


def options(**groups: dict) -> ExperimentOptions:
    identity = {"experiment": "main", "dataset": "digits", "strategy": "random", "seed": 0}
    return ExperimentOptions.model_validate({**identity, "raw_root": ".", **SETTINGS, **groups})


def test_draws_lie_in_the_space_are_repeatable_and_differ() -> None:
    space = search_space(options(), ["optimizer"])
    draws = [drawn(space, 0, trial) for trial in range(50)]
    assert draws == [drawn(space, 0, trial) for trial in range(50)]
    for key, values in space.items():
        found = [draw[key] for draw in draws]
        assert len(set(found)) > 2
        if isinstance(values, tuple):
            assert values[0] <= min(found) < np.sqrt(values[0] * values[1]) < max(found) <= values[1]
        else:
            assert set(found) == set(values)
    assert all("optimizer" not in draw for draw in draws)


def test_frozen_trunks_are_not_augmented() -> None:
    assert "augmentation" not in search_space(options(model={"freeze": "trunk"}), [])


def test_the_best_is_the_most_accurate_then_the_surest_then_the_first() -> None:
    trials = [
        Trial({"n": n}, *found)
        for n, found in enumerate([(0.5, 1), (0.6, 2), (0.6, 1), (0.6, 1), (0.1, inf)])
    ]
    assert best_of(trials).chosen == {"n": 2}
