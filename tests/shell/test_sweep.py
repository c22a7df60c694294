"""`kedro al sweep`: each strategy with each seed as a run of its own would do it, and what is left of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

from queryloop.options import ending
from queryloop.storage.state import SETTINGS
from queryloop.sweeps import command, running
from queryloop.tracking import tracker

from .test_refusals import refusal
from .tiny import Tiny, flip

ARMS = ("--strategies=margin,bald", "--seeds=2")
LIST = ("margin/seed_0", "margin/seed_1", "bald/seed_0", "bald/seed_1")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Result, Result]:
    """A project after a sweep, with what was said before by --dry-run and by the sweep; to be read only."""
    tiny = Tiny.create(tmp_path_factory.mktemp("swept") / "project")
    dry = tiny.al("sweep", *ARMS, "--dry-run")
    return tiny, dry, tiny.al("sweep", *ARMS, "--workers=2")


@pytest.fixture
def again(swept: tuple[Tiny, Result, Result], tmp_path: Path) -> Tiny:
    """A copy of the swept project, to be changed."""
    return Tiny(shutil.copytree(swept[0].folder, tmp_path / "project"))


def trained(tiny: Tiny) -> int:
    return len([*(tiny.folder / "data" / "06_models" / "training_cache").rglob("*.safetensors")])


def undated(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns="labeled_at", errors="ignore")


def test_every_strategy_runs_with_every_seed(swept: tuple[Tiny, Result, Result]) -> None:
    _, _, result = swept
    assert result.exit_code == 0, result.output
    assert "4 of 4 experiments are complete." in result.stdout
    for name in LIST:
        assert re.search(rf"\d of 4: main/{name} done: 2 cycles, 40 labels, accuracy 0\.\d+", result.stdout)
    assert re.search(r"1 of 4: main/.*; about \d+ s left\n", result.stdout)


def test_an_experiment_of_a_sweep_is_the_one_that_a_run_makes(
    swept: tuple[Tiny, Result, Result], tiny: Tiny
) -> None:
    assert tiny.run("strategy:margin,seed:1").exit_code == 0
    identity: dict[str, Any] = {"strategy": "margin", "seed": 1}
    for name in ("labeled_index", "query", "metrics", "scores"):
        ours = map(undated, swept[0].history(name, **identity))
        for a, b in zip(ours, map(undated, tiny.history(name, **identity)), strict=True):
            pd.testing.assert_frame_equal(a, b)
    assert swept[0].settings(**identity) == tiny.settings(**identity)


def test_what_experiments_have_in_common_is_trained_once(swept: tuple[Tiny, Result, Result]) -> None:
    tiny, dry, _ = swept
    assert "8 trainings left" in dry.stdout  # dropout of bald is another network
    assert trained(tiny) == 8


def test_common_trainings_are_counted_once(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "timed_cycle", lambda *_: 1.0)
    dry = tiny.al("sweep", "--strategies=random,margin,entropy", "--seeds=0,4", "--dry-run")
    assert "6 experiments, 0 complete; 8 trainings left." in dry.stdout


def test_a_dry_run_times_one_cycle_and_leaves_nothing(tiny: Tiny) -> None:
    project = tiny.folder / "pyproject.toml"
    before = project.read_bytes()
    dry = tiny.al("sweep", *ARMS, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert re.search(
        r"Time: about \d+ s \(from one cycle of margin, timed just now; --workers=1\)", dry.stdout
    )
    assert "a strategy that was not timed counts as the mean of those that were" in dry.stdout
    for name in LIST:
        assert f"main/{name}: 2 cycles" in dry.stdout
    assert not (tiny.folder / "data").exists()
    assert project.read_bytes() == before, "telemetry that was declined gave the project an id"


@pytest.mark.usefixtures("no_process")
def test_a_dry_run_knows_from_the_cycles_that_were_timed(swept: tuple[Tiny, Result, Result]) -> None:
    dry = swept[0].al("sweep", *ARMS, "--params=n_cycles:4", "--dry-run")
    assert "main/bald/seed_1: 2 of 4 cycles done" in dry.stdout
    assert "4 experiments, 0 complete; 8 trainings left." in dry.stdout
    assert "from the cycles that were timed" in dry.stdout


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize("damaged", ["query", "metrics", "settings"])
def test_a_dry_run_lists_what_is_damaged_beside_the_others(again: Tiny, damaged: str) -> None:
    damage(again, damaged)
    dry = again.al("sweep", *ARMS, "--params=n_cycles:3", "--dry-run")
    assert dry.exit_code == 0, dry.output
    for name in LIST:
        assert f"main/{name}: 2 of 3 cycles done" in dry.stdout


@pytest.mark.usefixtures("no_process")
def test_complete_means_that_no_process_is_started(swept: tuple[Tiny, Result, Result]) -> None:
    tiny = swept[0]
    before = tiny.tree()
    result = tiny.al("sweep", *ARMS)
    assert result.exit_code == 0, result.output
    assert result.stdout == "All 4 experiments are complete: nothing was run.\n"
    assert tiny.tree() == before


def damage(tiny: Tiny, name: str) -> None:
    if name == "settings":
        flip(tiny.catalog(strategy="margin", seed=0)["labeled_index"].home / SETTINGS)
    else:
        path = tiny.versions(name, strategy="margin", seed=0)[-1]
        path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.slow
@pytest.mark.parametrize("damaged", ["query", "metrics", "settings"])
def test_a_sweep_goes_on_where_it_stopped_and_one_failure_stops_no_other(again: Tiny, damaged: str) -> None:
    damage(again, damaged)
    result = again.al("sweep", "--strategies=margin", "--seeds=0,1,2", "--params=n_cycles:3")
    assert result.exit_code == 1
    assert "2 of 3 experiments are complete." in result.stdout
    assert "main/margin/seed_0 failed:" in result.stderr
    assert "changed or damaged" in result.stderr
    assert "seed_1 failed" not in result.output
    for seed in (1, 2):
        assert len(again.versions("labeled_index", strategy="margin", seed=seed)) == 3


@pytest.mark.slow
def test_other_settings_than_before_are_a_failure_of_each(again: Tiny) -> None:
    result = again.al("sweep", "--strategies=margin", "--seeds=1", "--params=training.epochs:3")
    assert result.exit_code == 1
    assert "training.epochs: 2 -> 3" in result.stderr
    assert "1 of 1: main/margin/seed_0 failed:" in result.stdout


class Killed:
    """In the place of a worker: a process that somebody killed."""

    started = 0
    died = True
    sentinel = 0

    def __init__(self, *_: object) -> None:
        Killed.started += 1
        self.process = self

    def is_alive(self) -> bool:
        return False

    def failure(self) -> str:
        return "its process was ended by SIGKILL."


@pytest.mark.slow
def test_a_process_that_was_killed_is_replaced_once(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "Worker", Killed)
    monkeypatch.setattr(running, "wait", lambda *_: [])
    monkeypatch.setattr(running, "stop", lambda _: None)
    result = tiny.al("sweep", "--strategies=margin", "--seeds=1")
    assert result.exit_code == 1
    assert Killed.started == 2
    assert "main/margin/seed_0 failed: its process was ended by SIGKILL." in result.stderr


def test_a_new_store_is_laid_out_before_processes_could_do_it_at_once(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    class Started(Killed):
        def failure(self) -> str:
            return f"it began with {opened}"

    monkeypatch.setattr(ending, "find_spec", lambda name: "here")
    monkeypatch.setattr(tracker, "Store", opened.append)
    monkeypatch.setattr(running, "Worker", Started)
    monkeypatch.setattr(running, "wait", lambda *_: [])
    monkeypatch.setattr(running, "stop", lambda _: None)
    result = tiny.al("sweep", "--strategies=margin", "--seeds=1", "--params=tracking.mlflow:sqlite:///a.db")
    assert "it began with ['sqlite:///a.db']" in result.stderr


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--strategies=random,margin"),
        (["--strategies=margin,entrpy"], "Did you mean 'entropy'"),
        (["--strategies=margin,margin"], "margin is there twice"),
        (["--strategies=margin", "--seeds=three"], "how many, such as 5, or which ones"),
        (["--strategies=margin", "--seeds=0"], "one alone as 0,"),
        (["--strategies=margin", "--params=seed:1"], "--params cannot hold seed"),
        (["--strategies=margin", "--params=model.name:cnm"], "Did you mean 'cnn'"),
        (["--strategies=margin", "--params=oracle.name:people"], "waits for answers between cycles"),
        (["--strategies=margin", "--name=low"], "leave --strategies and --seeds out"),
        (["--name=low"], "write it down in sweep.yml"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(tiny: Tiny, arguments: list[str], said: str) -> None:
    assert said in refusal(tiny.al("sweep", *arguments))
    assert not (tiny.folder / "data").exists()


def rows_of(printed: str) -> list[str]:
    return [" ".join(line.split()) for line in printed.splitlines()]


def test_experiments_are_listed_with_what_differs_and_sweeps_with_how_far_they_are(again: Tiny) -> None:
    good = {"strategies": ["margin", "bald"], "seeds": [1, 2], "n_cycles": 2}
    again.configure("local", "sweep", {"bad": {"strategies": ["margn"]}, "main": good})
    listed = rows_of(again.al("experiments").stdout)
    assert any(row.startswith("digits main margin seed_1 2 40") for row in listed)
    margin = next(row for row in listed if row.startswith("digits/main/margin/seed_1"))
    assert "model.name:mlp, start.size:20, query.size:20" in margin
    assert "model.dropout:0.0" in margin
    assert "training.epochs" not in margin
    of_one = rows_of(again.al("experiments", "--params=strategy:bald,seed:3").stdout)
    for rows in (listed, of_one):
        assert any(row.startswith("main 4 2 4 of 8 margin, bald") for row in rows)
    assert any("cannot run: unknown strategy 'margn'" in row for row in listed)


def test_experiments_of_nothing_is_no_error(tiny: Tiny) -> None:
    assert tiny.al("experiments").exit_code == 0
    assert not (tiny.folder / "data").exists()
