"""The project's commands: `kedro run` with colons in --params, and `kedro al`."""

from __future__ import annotations

import copy
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import PARAMS_ARG_HELP
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS

from queryloop.colons import read_names, read_params


@click.group(context_settings=CONTEXT_SETTINGS, name="queryloop")
def cli() -> None:
    """Commands of the project."""


def one_paragraph(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an exception into one paragraph and exit code 1; QUERYLOOP_DEBUG=1 shows the traceback."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            click.secho("Interrupted. The same command goes on after the last committed cycle.", err=True)
        except Exception as error:
            if os.environ.get("QUERYLOOP_DEBUG") == "1":
                raise
            from queryloop.errors import message_of

            click.secho(f"Error: {message_of(error)}", fg="red", err=True)
        sys.exit(1)

    return guarded


def _run_command() -> click.Command:
    """Kedro's `run` with every option of its own, and colons in `--params`."""
    command = copy.copy(kedro_run)
    command.params = [copy.copy(param) for param in kedro_run.params]
    next(p for p in command.params if p.name == "params").callback = read_params
    original = kedro_run.callback
    assert original is not None

    @functools.wraps(original)
    def run(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("pipeline") and not kwargs.get("pipelines"):
            # the user's own spelling, which Kedro 1.7 calls deprecated on the screen
            kwargs.update(pipelines=[kwargs["pipeline"]], pipeline=None)
        return original(*args, **kwargs)

    command.callback = one_paragraph(run)
    return command


def _with_env_and_params(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--env` and `--params` as `kedro run` has them, and errors of one paragraph."""
    env = click.option("--env", "-e", default=None, help="Kedro configuration environment.")
    params = click.option("--params", default="", callback=read_params, help=PARAMS_ARG_HELP)
    return env(params(one_paragraph(command)))


def in_project(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--env` and `--params` as `kedro run` has them, and the experiment they name."""

    @functools.wraps(command)
    def with_experiment(env: str | None, params: dict[str, Any], **arguments: Any) -> Any:
        from queryloop.experiment import Experiment
        from queryloop.session import CycleSession

        context = CycleSession.create(env=env, runtime_params=params).load_context()
        return command(Experiment.of(context, params), **arguments)

    return _with_env_and_params(with_experiment)


def _sweep_names(context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """For the shell: the sweeps that are written down and begin so."""
    from queryloop.session import CycleSession
    from queryloop.sweeps.written import read_sweeps

    try:
        loader = CycleSession.create(env=context.params.get("env")).load_context().config_loader
        return [name for name in read_sweeps(loader) if name.startswith(begun)]
    except Exception:  # the command itself says what is wrong with the file
        return []


@cli.group()
def al() -> None:
    """Active learning: what strategies there are, where experiments stand, why a sample was chosen."""


@al.command()
@click.option("--markdown", is_flag=True, help="Print the page docs/strategies.md.")
@in_project
def strategies(experiment: Any, markdown: bool) -> None:  # noqa: ARG001
    """Every strategy: family, what it needs, where it comes from."""
    from queryloop.inspection import show_strategies

    show_strategies(markdown=markdown)


@al.command()
@in_project
def status(experiment: Any) -> None:
    """Where each experiment stands."""
    from queryloop.inspection import show_status

    show_status(experiment)


@al.command()
@click.argument("sample")
@in_project
def why(experiment: Any, sample: str) -> None:
    """When and why SAMPLE was chosen, or why it was not."""
    from queryloop.why import explain

    click.echo(explain(experiment.catalog, sample))


@al.command()
@click.option("--out", type=click.Path(path_type=Path), help="A new folder; else one beside the results.")
@in_project
def ask(experiment: Any, out: Path | None) -> None:
    """Write out the open query for people to label: a table and pictures, or scans and boxes."""
    from queryloop.handover.ask import ask

    click.echo(ask(experiment, out))


@al.command()
@click.argument("given", type=click.Path(path_type=Path), metavar="FILE_OR_FOLDER")
@click.option("--annotator", default="people", show_default=True, help="Who gave the answers.")
@in_project
def tell(experiment: Any, given: Path, annotator: str) -> None:
    """Take in the answers of people: FILE_OR_FOLDER is what `ask` wrote, filled in."""
    from queryloop.handover.tell import tell

    for said in tell(experiment, given, annotator):
        click.echo(said)


@al.command()
@click.argument("folder", type=click.Path(path_type=Path))
@in_project
def export(experiment: Any, folder: Path) -> None:
    """Write labels and queries for other tools into a new FOLDER: nnU-Net, nnActive, viewers; or a CSV."""
    from queryloop.handover.export import export

    click.echo(export(experiment, folder))


@al.command()
@click.option("--strategies", callback=read_names, help="Only these, separated by commas; random is kept.")
@click.option("--target", type=float, help="Accuracy or Dice that labels saved are told for, such as 0.97.")
@click.option("--import", "imported", help="CSV of others' runs: strategy, seed, n_labeled, metric (0 to 1).")
@_with_env_and_params
def compare(env: str | None, params: dict[str, Any], **given: Any) -> None:
    """Which strategy is better, by how many labels, and can it be believed."""
    from queryloop.session import CycleSession

    asked = {key: value for key, value in given.items() if value is not None}
    params = {**params, "comparison": {**params.get("comparison", {}), **asked}}
    session = CycleSession.create(env=env, runtime_params=params)
    session.run(pipeline_names=["compare"])
    catalog = session.load_context().catalog
    click.echo(catalog.load("comparison_verdict"))
    click.echo(f"\nReport   {catalog['comparison_page'].path}")


@al.command()
@in_project
def gain(experiment: Any) -> None:
    """Whether the strategy is ahead of random, by 200 control labels of the experiment itself or more."""
    from queryloop.gain import tell_gain

    click.echo(tell_gain(experiment))


@al.command()
@in_project
def verify(experiment: Any) -> None:
    """Check every stored file against its seal, and every experiment for missing parts."""
    from queryloop.inspection import verify_all

    n_files, problems = verify_all(experiment)
    for problem in problems:
        click.secho(problem, fg="red", err=True)
    click.echo(f"{n_files} files checked, {len(problems)} problems.")
    if problems:
        sys.exit(1)


@al.command()
@_with_env_and_params
def experiments(env: str | None, params: dict[str, Any]) -> None:
    """Every experiment with its state and settings, and how far the sweeps of sweep.yml are."""
    from queryloop.session import CycleSession
    from queryloop.sweeps.listing import show_experiments

    show_experiments(CycleSession.create(env=env, runtime_params=params).load_context(), env, params)


@al.command()
@click.option("--strategies", callback=read_names, help="Names, separated by commas.")
@click.option("--seeds", default=None, help="How many, from 0 on, or which ones (0,3,7 or 3,). Default: 5.")
@click.option("--name", default=None, shell_complete=_sweep_names, help="A sweep of conf/<env>/sweep.yml.")
@click.option("--workers", default=1, type=click.IntRange(1), help="Experiments at a time, sharing cores.")
@click.option("--dry-run", is_flag=True, help="Only say what would run, and how long it would take.")
@_with_env_and_params
def sweep(env: str | None, params: dict[str, Any], workers: int, dry_run: bool, **asked: Any) -> None:
    """Run each strategy with each seed, or what is left of it."""
    from queryloop.session import CycleSession
    from queryloop.sweeps.command import planned_of, run_sweep, show_plan

    context = CycleSession.create(env=env, runtime_params=params).load_context()
    planned = planned_of(context.config_loader, env, params, workers=workers, **asked)
    if dry_run:
        show_plan(planned, context.project_path, env, workers)
    elif not run_sweep(planned, context.project_path, env, workers):
        sys.exit(1)


@al.command()
@click.option("--trials", default=20, type=click.IntRange(1), help="Random settings to try.")
@click.option("--seeds", default=3, type=click.IntRange(1), help="Starting sets to try them on.")
@click.option("--folds", default=5, type=click.IntRange(2), help="Parts of a starting set, held out in turn.")
@_with_env_and_params
def tune(env: str | None, params: dict[str, Any], trials: int, seeds: int, folds: int) -> None:
    """Choose training options on the starting set alone, for all strategies alike."""
    from queryloop.sweeps.tune import tune

    tune(env, params, trials, seeds, folds)


run = _run_command()
cli.add_command(run)
