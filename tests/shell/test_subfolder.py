"""Commands given in a folder of the project below its own."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from types import SimpleNamespace

from click.testing import CliRunner, Result

from queryloop.cli import cli

from .tiny import Tiny


def given_below(tiny: Tiny, *arguments: str) -> Result:
    """In notebooks/, where Kedro finds the project from."""
    below = tiny.folder / "notebooks"
    below.mkdir(exist_ok=True)
    with chdir(below):
        found = CliRunner().invoke(cli, arguments, obj=SimpleNamespace(project_path=tiny.folder))
        assert Path.cwd() == below
    return found


def test_what_tune_finds_is_where_the_next_run_looks(tiny: Tiny) -> None:
    result = given_below(tiny, "al", "tune", "--trials=1", "--seeds=1", "--folds=2")
    assert result.exit_code == 0, result.output
    assert (tiny.folder / "conf/local/parameters_tuned.yml").exists()
    assert not (tiny.folder / "notebooks/conf").exists()


def test_a_path_that_is_typed_begins_where_the_shell_is(begun: Tiny) -> None:
    result = given_below(begun, "al", "export", "labels", "--params=strategy:entropy")
    assert result.exit_code == 0, result.output
    assert (begun.folder / "notebooks/labels").is_dir()


def test_curves_of_others_are_read_from_where_the_shell_is(begun: Tiny) -> None:
    rows = ["strategy,seed,n_labeled,metric"] + [f"theirs,0,{n},0.{n}" for n in (20, 40, 60)]
    (begun.folder / "notebooks").mkdir()
    (begun.folder / "notebooks/theirs.csv").write_text("\n".join(rows))
    result = given_below(begun, "al", "compare", "--import=theirs.csv")
    assert result.exit_code == 0, result.output
    assert "theirs" in result.stdout
