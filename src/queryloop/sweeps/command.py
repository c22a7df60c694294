"""What `kedro al sweep` does, from what a person typed to the last line on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from queryloop.errors import OptionsError
from queryloop.parsing import validated
from queryloop.sweeps.estimate import seconds_a_cycle, seconds_left, timed_cycle
from queryloop.sweeps.plan import Planned, left_of, plan
from queryloop.sweeps.running import Sweep
from queryloop.sweeps.screen import Screen, duration
from queryloop.sweeps.sharing import n_trainings
from queryloop.sweeps.written import Group, SweepOptions, find_sweep, groups, read_sweeps, typed_seeds
from queryloop.tracking.tracker import Tracker
from queryloop.values import flat

_ROUGH = (
    "That is rough: a strategy that was not timed counts as the mean of those that were, a later cycle as an "
    "earlier one, and workers, which share the cores, as if none slowed another down."
)


def planned_of(
    loader: Any,
    env: str | None,
    params: dict[str, Any],
    name: str | None,
    strategies: list[str] | None,
    seeds: str | None,
    workers: int,
) -> list[Planned]:
    """The experiments that the options of `kedro al sweep` ask for. Raises OptionsError."""
    if name is None and strategies is None:
        written = ", ".join(f"--name={known}" for known in read_sweeps(loader))
        raise OptionsError(
            "which experiments? Give --strategies=random,margin and perhaps --seeds=5"
            + (f", or a sweep that is written down: {written}." if written else ".")
        )
    if name is not None and (strategies or seeds):
        raise OptionsError(
            f"--name={name} says which strategies and seeds: leave --strategies and --seeds out."
        )
    if name is not None:
        sweep = find_sweep(loader, name)
        asked = [*groups(name, sweep)]
    else:
        typed = {"strategies": strategies, **({} if seeds is None else {"seeds": typed_seeds(seeds)})}
        sweep, asked = validated(SweepOptions, typed, "option"), [Group()]
    for group in asked:
        _refuse_chosen(params, group)
    return plan(env, params, asked, sweep, workers)


def _refuse_chosen(params: dict[str, Any], group: Group) -> None:
    chosen = {"strategy", "seed", *flat(group.chosen), *(["n_cycles"] if group.budget else [])}
    if typed := sorted(chosen & flat(params).keys()):
        where = "change the sweep in sweep.yml" if group.chosen else "give --strategies and --seeds"
        raise OptionsError(f"--params cannot hold {', '.join(typed)}, which the sweep chooses: {where}.")


def show_plan(planned: Sequence[Planned], project: Path, env: str | None, workers: int) -> None:
    """Print what would run, the number of trainings and the time it would take."""
    for experiment in planned:
        n, of = experiment.n_committed, experiment.options.n_cycles
        where = "complete" if experiment.is_complete else f"{n} of {of} cycles done" if n else f"{of} cycles"
        click.echo(f"{experiment}: {where}")
    left = left_of(planned)
    done = len(planned) - len(left)
    click.echo(f"{len(planned)} experiments, {done} complete; {n_trainings(planned)} trainings left.")
    if left:
        known = seconds_a_cycle(planned)
        first = left[0].options.strategy
        source = "from the cycles that were timed" if known else f"from one cycle of {first}, timed just now"
        known = known or {first: timed_cycle(left[0], project, env)}
        click.echo(
            f"Time: {duration(seconds_left(planned, known, workers))} ({source}; --workers={workers})."
        )
        click.echo(_ROUGH)


def run_sweep(planned: Sequence[Planned], project: Path, env: str | None, workers: int) -> bool:
    """Run what is left, print how it ended, and tell MLflow; whether all went well."""
    tracker = Tracker(planned[0].options.tracking.mlflow)  # workers would lay out a new one all at once
    is_well = _run_left(planned, project, env, workers)
    tracker.tell_all([experiment.run for experiment in planned if experiment.n_committed])
    return is_well


def _run_left(planned: Sequence[Planned], project: Path, env: str | None, workers: int) -> bool:
    before = len(planned) - len(left_of(planned))
    if before == len(planned):
        click.echo(f"All {before} experiments are complete: nothing was run.")
        return True
    if before:
        click.echo(f"{before} of {len(planned)} experiments are complete.")
    with Screen(planned) as screen:
        failures = Sweep(planned, project, env, workers).run(screen)
    click.echo(f"{len(planned) - len(failures)} of {len(planned)} experiments are complete.")
    for name, failure in failures.items():
        click.secho(f"{name} failed: {failure}", fg="red", err=True)
    if failures:
        click.secho("The same command tries them again.", fg="red", err=True)
    return not failures
