"""Sweeps that are written down in conf/<env>/sweep.yml."""

from __future__ import annotations

from contextlib import chdir
from typing import Any

import pytest
from click.shell_completion import ShellComplete

from queryloop.cli import cli
from queryloop.sweeps import command

from .test_refusals import refusal
from .tiny import Tiny


def write(tiny: Tiny, **sweep: Any) -> Tiny:
    tiny.configure("local", "sweep", {"mine": {"strategies": ["margin", "random"], "seeds": 1, **sweep}})
    return tiny


@pytest.mark.usefixtures("no_process")
def test_a_written_sweep_has_an_experiment_name_for_each_regime_and_query_size(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "timed_cycle", lambda *_: 1.0)
    regimes = {"low": 10, "high": {"start": 40, "query": 20, "budget": 99}}
    write(tiny, budget=50, regimes=regimes, query_sizes=[5, 20], settings={"training": {"epochs": 1}})
    dry = tiny.al("sweep", "--name=mine", "--dry-run")
    n_cycles = {"low-q5": 9, "low-q20": 3, "high-q5": 12, "high-q20": 3}
    for group, n in n_cycles.items():
        for strategy in ("margin", "random"):
            assert f"mine-{group}/{strategy}/seed_0: {n} cycles\n" in dry.stdout, dry.output


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"strategie": ["margin"]}, "Did you mean 'mine.strategies'"),
        ({"strategies": ["margn"]}, "Did you mean 'margin'"),
        ({"strategies": []}, "sweep key 'mine.strategies'"),
        ({"seeds": 0}, "sweep key 'mine.seeds'"),
        ({"regimes": {"low": {"start": 5}}}, "sweep key 'mine.regimes.low.query' is missing"),
        ({"regimes": {"low": -5}}, "a size is a count"),
        ({"budget": 50, "n_cycles": 3}, "n_cycles and budget both say where it ends"),
        ({"budget": 5}, "less than the start of 20"),
        ({"settings": {"seed": 3}}, "settings cannot hold seed"),
        ({"settings": {"training": {"epoch": 3}}}, "training.epochs"),
    ],
)
def test_a_wrong_written_sweep_is_refused(tiny: Tiny, sweep: dict[str, Any], said: str) -> None:
    assert said in refusal(write(tiny, **sweep).al("sweep", "--name=mine"))
    assert not (tiny.folder / "data").exists()


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize(
    ("typed", "refused"),
    [
        ("experiment:foo", "experiment"),
        ("n_cycles:2,query.size:7", "n_cycles, query.size"),
        ("start.size:7,training.epochs:1", "start.size"),
        ("seed:3", "seed"),
    ],
)
def test_what_a_written_sweep_chooses_is_refused_on_the_command_line(
    tiny: Tiny, typed: str, refused: str
) -> None:
    write(tiny, budget=50, regimes={"low": 10, "high": 20}, query_sizes=[5, 10])
    said = refusal(tiny.al("sweep", "--name=mine", f"--params={typed}"))
    assert f"--params cannot hold {refused}, which the sweep chooses: change the sweep in sweep.yml." in said
    assert not (tiny.folder / "data").exists()


def test_a_misspelt_sweep_names_the_nearest(tiny: Tiny) -> None:
    assert "Did you mean 'mine'" in refusal(write(tiny).al("sweep", "--name=mne"))


def completed(tiny: Tiny, begun: str) -> list[str]:
    with chdir(tiny.folder):
        found = ShellComplete(cli, {}, "kedro", "_KEDRO_COMPLETE").get_completions(
            ["al", "sweep", "--name"], begun
        )
    return [item.value for item in found]


@pytest.mark.parametrize(("begun", "names"), [("", ["mine"]), ("m", ["mine"]), ("y", [])])
def test_the_shell_completes_the_names_of_sweeps(tiny: Tiny, begun: str, names: list[str]) -> None:
    assert completed(write(tiny), begun) == names


def test_the_shell_completes_nothing_where_sweeps_are_not_written_right(tiny: Tiny) -> None:
    assert completed(write(tiny, strategie=["margin"]), "") == []
    (tiny.folder / "conf/local/sweep.yml").write_text("mine: {")
    assert completed(tiny, "") == []


def test_what_a_sweep_chooses_itself_stands_above_what_a_listing_is_asked_with(tiny: Tiny) -> None:
    write(tiny, budget=50, regimes={"low": 10, "high": 20}, query_sizes=[5, 10])
    usual, other = (
        tiny.al("experiments", *said).stdout
        for said in (
            [],
            ["--params=experiment:foo,strategy:margin,seed:3,n_cycles:2,start.size:7,query.size:7"],
        )
    )
    row = next(line for line in usual.splitlines() if line.split()[:1] == ["mine"])
    assert "cannot run" not in row
    assert row in other.splitlines()
