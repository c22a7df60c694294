"""`kedro run` with `:` or `=` in --params, and everything else as Kedro has it."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner
from kedro.framework.cli.project import run as kedro_run

from queryloop import cli, colons

READ: dict[str, dict[str, Any]] = {
    "": {},
    "strategy:entropy": {"strategy": "entropy"},
    "strategy=entropy": {"strategy": "entropy"},
    "a=1,b.c=2": {"a": 1, "b": {"c": 2}},
    "a:1,b.c:2": {"a": 1, "b": {"c": 2}},
    "a:1,b.c=2,d:x": {"a": 1, "b": {"c": 2}, "d": "x"},
    "b.c:1,b.d=2": {"b": {"c": 1, "d": 2}},
    "url=s3://b/k:1": {"url": "s3://b/k:1"},
    "url:s3://b/k": {"url": "s3://b/k"},
    "url:s3://b/k=1": {"url": "s3://b/k=1"},
    "path:C:/x": {"path": "C:/x"},
    "path:C:\\x": {"path": "C:\\x"},
    "path=/data/x:y": {"path": "/data/x:y"},
    "path:/data/x=y": {"path": "/data/x=y"},
    " a : 1 , b = 2 ": {"a": 1, "b": 2},
    "strategy:entropy+margin": {"strategy": "entropy+margin"},
    "a-b:1": {"a-b": 1},
    "experiment:1.10,dataset=on,n:1.10": {"experiment": "1.10", "dataset": "on", "n": 1.1},
    " experiment : 007 ,raw_root=2024_10": {"experiment": "007", "raw_root": "2024_10"},
    "a.experiment:1.10": {"a": {"experiment": 1.1}},
    "a:": {"a": None},
    "a:null,b:true,c:1e-3": {"a": None, "b": True, "c": 0.001},
}
REFUSED = ["entropy", "s3://b/k", "https://host:80/x", ":1", "=1", " :1", "a.:1", ".a:1", "1a:2", "a b:1"]


def read(text: str) -> Any:
    option = next(param for param in cli.run.params if param.name == "params")
    return colons.read_params(click.Context(cli.run), option, text)


@pytest.mark.parametrize("text", READ)
def test_first_separator_ends_the_key(text: str) -> None:
    assert read(text) == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_value_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(click.ClickException):
        read(text)


def test_form_with_equals_signs_is_left_as_it_is() -> None:
    for text in READ:
        assert colons.with_equals(colons.with_equals(text)) == colons.with_equals(text)
    assert colons.with_equals("a=1:2,b.c==3") == "a=1:2,b.c==3"


def test_every_option_of_kedro_run_is_there_unchanged() -> None:
    own, kedros = (
        [{**param.to_info_dict(), "required": param.required} for param in command.params]
        for command in (cli.run, kedro_run)
    )
    assert own == kedros
    changed = [
        mine.name
        for mine, theirs in zip(cli.run.params, kedro_run.params, strict=True)
        if mine.callback is not theirs.callback
    ]
    assert changed == ["params"]


def test_help_is_kedros() -> None:
    own, kedros = (CliRunner().invoke(command, ["--help"]) for command in (cli.run, kedro_run))
    assert own.exit_code == 0
    lines = [result.output.splitlines()[:-1] for result in (own, kedros)]  # the last one is of --help itself
    assert lines[0] == lines[1]


def test_kedros_own_command_is_not_changed() -> None:
    option = next(param for param in kedro_run.params if param.name == "params")
    with pytest.raises(click.ClickException):
        option.callback(click.Context(kedro_run), option, "a:1")


def test_pipeline_and_pipelines_together_are_refused() -> None:
    assert CliRunner().invoke(cli.run, ["--pipeline=al_cycle", "--pipelines=full_data"]).exit_code == 1
