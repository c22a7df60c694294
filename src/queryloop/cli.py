"""The project's commands: `kedro run` with colons in --params, and `kedro al`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.utils import CONTEXT_SETTINGS

from queryloop.colons import read_names
from queryloop.invocation import TypedPath, in_project, run_command, with_env_and_params


@click.group(context_settings=CONTEXT_SETTINGS, name="queryloop")
def cli() -> None:
    """Commands of the project."""


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
@click.option("--out", type=TypedPath(), help="A new folder; else one beside the results.")
@in_project
def ask(experiment: Any, out: Path | None) -> None:
    """Write out the open query for people to label: a table and pictures, or scans and boxes."""
    from queryloop.handover.ask import ask

    click.echo(ask(experiment, out))


@al.command()
@click.argument("given", type=TypedPath(), metavar="FILE_OR_FOLDER")
@click.option("--annotator", default="people", show_default=True, help="Who gave the answers.")
@in_project
def tell(experiment: Any, given: Path, annotator: str) -> None:
    """Take in the answers of people: FILE_OR_FOLDER is what `ask` wrote, filled in."""
    from queryloop.handover.tell import tell

    for said in tell(experiment, given, annotator):
        click.echo(said)


@al.command()
@click.argument("folder", type=TypedPath())
@in_project
def export(experiment: Any, folder: Path) -> None:
    """Write labels and queries for other tools into a new FOLDER: nnU-Net, nnActive, viewers; or a CSV."""
    from queryloop.handover.export import export

    click.echo(export(experiment, folder))


@al.command()
@click.argument("folder", type=TypedPath())
@in_project
def predict(experiment: Any, folder: Path) -> None:
    """Write what the last networks predict for every sample into a new FOLDER: a CSV, or NIfTI."""
    from queryloop.handover.export import predict

    click.echo(predict(experiment, folder))


_IMPORTED = "CSV of others' runs: strategy, seed, n_labeled, metric (0 to 1)."


@al.command()
@click.option("--strategies", callback=read_names, help="Only these, separated by commas; random is kept.")
@click.option("--target", type=float, help="Accuracy or Dice that labels saved are told for, such as 0.97.")
@click.option("--import", "imported", type=TypedPath(), help=_IMPORTED)
@with_env_and_params
def compare(env: str | None, params: dict[str, Any], imported: Path | None, **given: Any) -> None:
    """Which strategy is better, by how many labels, and can it be believed."""
    from queryloop.session import CycleSession

    given["imported"] = str(imported) if imported else None
    asked = {key: value for key, value in given.items() if value is not None}
    given_before = params.get("comparison", {})
    if isinstance(given_before, dict):  # anything else is refused with the other options
        params = {**params, "comparison": {**given_before, **asked}}
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
    from queryloop.verification import verify_all

    n_files, problems = verify_all(experiment)
    for problem in problems:
        click.secho(problem, fg="red", err=True)
    click.echo(f"{n_files} files checked, {len(problems)} problems.")
    if problems:
        sys.exit(1)


@al.command()
@with_env_and_params
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
@with_env_and_params
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
@with_env_and_params
def tune(env: str | None, params: dict[str, Any], trials: int, seeds: int, folds: int) -> None:
    """Choose training options on the starting set alone, for all strategies alike."""
    from queryloop.sweeps.tune import tune

    tune(env, params, trials, seeds, folds)


run = run_command()
cli.add_command(run)
