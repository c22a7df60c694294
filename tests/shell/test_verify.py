"""`kedro al verify`: every file against its seal, and every experiment for what it lacks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from queryloop.storage.files import seal_of

from .test_refusals import refusal
from .tiny import Tiny, flip

ENTROPY = {"strategy": "entropy"}


def test_verify_counts_every_sealed_file(finished: Tiny) -> None:
    result = finished.al("verify")
    assert result.exit_code == 0
    n_sealed = sum(path.endswith(".seal") for path in finished.tree())
    assert result.stdout.strip() == f"{n_sealed} files checked, 0 problems."


def test_verify_of_nothing_is_no_error(tiny: Tiny) -> None:
    assert tiny.al("verify").stdout.strip() == "0 files checked, 0 problems."


def test_verify_names_every_problem(begun: Tiny) -> None:
    broken = begun.versions("query", **ENTROPY)[0]
    lost = begun.versions("checkpoint", **ENTROPY)[1]
    flip(broken)
    lost.unlink()
    result = begun.al("verify", "--params=strategy:random")
    assert result.exit_code == 1
    assert str(broken) in result.stderr
    assert str(lost.parent.name) in result.stderr


def _labelled_set(begun: Tiny) -> Path:
    return begun.catalog(**ENTROPY)["labeled_index"].folder


def _newest_labelled_set(begun: Tiny) -> Path:
    return begun.versions("labeled_index", **ENTROPY)[-1]


def _settings(begun: Tiny) -> Path:
    return begun.catalog(**ENTROPY)["labeled_index"].home / "settings.json"


def _splits(begun: Tiny) -> Path:
    return begun.catalog(**ENTROPY)["splits"].folder


def _answers(begun: Tiny) -> Path:
    return sorted(begun.catalog(**ENTROPY)["answers"].folder.glob("*.parquet"))[0]


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (_labelled_set, "labelled sets of 0 cycles, although 3 are committed"),
        (_newest_labelled_set, "labelled sets of 2 cycles, although 3 are committed"),
        (_settings, "settings.json is missing"),
        (_splits, "splits.parquet is missing, although cycles are committed"),
        (_answers, "has no answer to 20 samples of the labelled set"),
    ],
)
def test_what_was_lost_with_its_seal_is_named(begun: Tiny, lost: Callable[[Tiny], Path], said: str) -> None:
    path = lost(begun)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    seal_of(path).unlink(missing_ok=True)
    result = begun.al("verify", "--params=strategy:random")
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout.endswith(" 1 problems.\n")


def test_a_committed_cycle_whose_labelled_set_was_lost_is_no_leftover(begun: Tiny) -> None:
    _newest_labelled_set(begun).unlink()
    before = begun.tree()
    assert "restore labeled_index.parquet from a copy" in refusal(begun.run("strategy:entropy,n_cycles:4"))
    assert begun.tree() == before


def test_a_checkpoint_of_another_cycle_is_found_with_its_seal(begun: Tiny) -> None:
    first, *_, last = (path.parent for path in begun.versions("checkpoint", **ENTROPY))
    shutil.copytree(first, last, dirs_exist_ok=True)
    result = begun.al("verify", "--params=strategy:random")
    assert f"but a copy of version {first.name}" in result.stderr


def test_a_copy_beside_an_experiment_is_no_problem(begun: Tiny) -> None:
    home = begun.catalog(**ENTROPY)["labeled_index"].home
    shutil.copytree(home, home.with_name("seed_0_backup"))
    assert "0 problems" in begun.al("verify").stdout


@pytest.mark.parametrize("name", ["starting_set", "splits"])
def test_a_run_without_what_its_cycles_were_made_from_is_refused(begun: Tiny, name: str) -> None:
    path = begun.catalog(**ENTROPY)[name].folder
    path.unlink()
    seal_of(path).unlink()
    before = begun.tree()
    for n_cycles in (3, 4):
        said = refusal(begun.run(f"strategy:entropy,n_cycles:{n_cycles}"))
        assert f"{name}.parquet is missing, although cycles are committed" in said
    assert begun.tree() == before
