"""`tracking.mlflow`: who is told of an experiment beside its files, and that nothing else changes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from ..tracking.made_up import runs_of, told
from .test_refusals import refusal
from .tiny import Tiny

pytestmark = pytest.mark.slow

AWAY = "http://me:secret@127.0.0.1:9"


def curve(client: Any, run: Any) -> list[tuple[int, float]]:
    return told(client, run)["accuracy"]


def in_files(tiny: Tiny, **identity: Any) -> list[tuple[int, float]]:
    metrics = tiny.load("metrics", **identity)
    return [*metrics[["n_labeled", "accuracy"]].itertuples(index=False, name=None)]


def test_mlflow_is_told_of_each_cycle_once(tiny: Tiny, address: str, client: Any) -> None:
    asked = f"strategy:entropy,tracking.mlflow:{address}"
    for n_cycles in (1, 2, 2):
        assert tiny.run(f"{asked},n_cycles:{n_cycles}").exit_code == 0
    (run,) = runs_of(client, "digits/main")
    assert run.info.run_name == "entropy/seed_0"
    assert curve(client, run) == in_files(tiny, strategy="entropy")
    assert run.data.params["query.size"] == "20"
    assert not {key for key in run.data.params if key.startswith("tracking")}


def test_a_server_that_is_away_stops_nothing_and_the_next_one_is_told_everything(
    begun: Tiny, address: str, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    before, settings = begun.tree(), begun.settings(strategy="entropy")
    command = "strategy:entropy,n_cycles:5,tracking.mlflow:"
    result = begun.run(command + AWAY)
    assert result.exit_code == 0, result.output
    (warned,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warned.startswith("MLflow could not be told")
    assert "secret" not in warned
    assert before.items() <= begun.tree().items()
    assert begun.settings(strategy="entropy") == settings

    assert begun.run(command + address).exit_code == 0
    (run,) = runs_of(client, "digits/main")
    assert curve(client, run) == in_files(begun, strategy="entropy")
    assert len(curve(client, run)) == 5


def test_without_mlflow_nothing_begins(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    said = refusal(tiny.run(f"tracking.mlflow:{AWAY}"))
    assert "'tracking.mlflow'" in said
    assert "pip install 'queryloop[mlflow]'" in said
    assert not (tiny.folder / "data").exists()
    assert tiny.run("n_cycles:1").exit_code == 0


def test_an_address_that_cannot_be_one_is_refused_before_anything_begins(tiny: Tiny) -> None:
    assert "tracking.mlflow:localhost:5000 cannot be used" in refusal(
        tiny.run("tracking.mlflow:localhost:5000")
    )
    assert not (tiny.folder / "data" / "05_model_input").exists()


def test_a_comparison_tells_of_its_report_and_of_all_that_is_missing(
    finished: Tiny, tmp_path: Path, address: str, client: Any
) -> None:
    tiny = Tiny(shutil.copytree(finished.folder, tmp_path / "compared"))
    assert tiny.run("strategy:random,n_cycles:2").exit_code == 0
    result = tiny.al("compare", f"--params=tracking.mlflow:{address}")
    assert result.exit_code == 0, result.output
    comparison, entropy, random = runs_of(client, "digits/main")
    folder = tiny.folder / "data/08_reporting/digits/comparison/main"
    files = {file.path for file in client.list_artifacts(comparison.info.run_id)}
    assert files == {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert comparison.data.tags["mlflow.note.content"] == (folder / "verdict.txt").read_text()
    assert curve(client, entropy) == in_files(tiny, strategy="entropy")
    assert curve(client, random) == in_files(tiny, strategy="random")


def test_nobody_is_told_of_a_cycle_that_is_only_timed(tiny: Tiny, address: str, client: Any) -> None:
    result = tiny.al(
        "sweep", "--strategies=random", "--seeds=1", "--dry-run", f"--params=tracking.mlflow:{address}"
    )
    assert result.exit_code == 0, result.output
    assert "timed just now" in result.stdout
    assert not runs_of(client, "digits/main")


def test_a_sweep_tells_of_what_was_complete_before(begun: Tiny, address: str, client: Any) -> None:
    result = begun.al(
        "sweep", "--strategies=entropy", "--seeds=1", f"--params=n_cycles:3,tracking.mlflow:{address}"
    )
    assert result.exit_code == 0, result.output
    assert "nothing was run" in result.stdout
    (run,) = runs_of(client, "digits/main")
    assert curve(client, run) == in_files(begun, strategy="entropy")
