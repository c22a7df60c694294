"""What `kedro al` tells about strategies and experiments; it reads and never writes."""

from __future__ import annotations

from shlex import quote

import click
import pandas as pd
from kedro.io import DatasetError
from rich import box
from rich.console import Console
from rich.table import Table

from queryloop.errors import QueryloopError
from queryloop.experiment import Experiment
from queryloop.oracles import people
from queryloop.oracles.registry import asks_people
from queryloop.storage import lock
from queryloop.storage.run import Run


def show_end(experiment: Experiment, before: int, *, is_complete: bool) -> None:
    """Print the table of cycles, where the results lie and what to type next.

    before: cycles that were committed when the run began. is_complete: it has all that were asked for.
    """
    from queryloop.plots.console import cycles_table

    console = Console()
    if before == experiment.n_committed:
        done = _done(before, experiment.options.n_cycles, is_complete=is_complete)
        console.print(f"{done} are done: nothing was run.", highlight=False)
    console.print(cycles_table(experiment.catalog.load("metrics"), experiment.catalog.load("timings")))
    for line in (*_of_control(experiment), _next_steps(experiment, is_complete=is_complete)):
        console.print(line, highlight=False, soft_wrap=True)


def _done(n: int, asked_for: int, *, is_complete: bool) -> str:
    if n > asked_for:
        return f"{n} cycles, more than n_cycles:{asked_for},"
    return f"All {n} cycles" if is_complete else f"{n} of {asked_for} cycles"


def _of_control(experiment: Experiment) -> list[str]:
    """What control labels say, where there are any: of the network, and of the gain over random."""
    if not experiment.options.query.control_share:
        return []
    from queryloop.gain import control_labels
    from queryloop.statistics.control import missing, told

    if (said := told(experiment.catalog.load("metrics"))) is None:
        return []
    few = missing(len(control_labels(experiment)))
    gain = few or f"kedro al gain {experiment.flags}"
    return [f"Control        {said}", f"Gain           {gain}"]


def _next_steps(experiment: Experiment, *, is_complete: bool) -> str:
    sample = experiment.catalog.load("labeled_index")["sample_id"].iloc[-1]
    flags = experiment.flags
    more = f"More cycles    kedro run --pipeline=al_cycle {flags},n_cycles={experiment.n_committed + 5}"
    return "\n".join(
        [
            f"Results        {experiment.catalog['metrics'].folder.parent}",
            *([more] if is_complete else []),
            f"Why a sample   kedro al why {quote(sample)} {flags}",
            f"Look inside    kedro viz run {flags}",
        ]
    )


def show_strategies(*, markdown: bool) -> None:
    """Print all strategies: a table, or the page of the documentation."""
    from queryloop.boxes.catalogue import overview, section
    from queryloop.strategies import definitions
    from queryloop.strategies.catalogue import page

    if markdown:
        click.echo(page() + section(), nl=False)
        return
    found = [[d.name, d.family, ", ".join(sorted(d.needs)), d.source] for d in definitions()]
    show(["strategy", "family", "needs", "source"], found)
    Console().print(_BUILT, highlight=False, soft_wrap=True)
    show(["for boxes of 3D scans", "reads", "does", "source"], overview())


_BUILT = """\
Around any scorer: power_NAME, softmax_NAME, softrank_NAME (noise), class_balanced_NAME.
In a row: NAME+NAME. Of scikit-activeml: skactiveml.NAME. More: docs/strategies.md"""


def show_status(experiment: Experiment) -> None:
    """Print a table of all experiments, and how those of the data set go on that wait for people."""
    found = [(run, standing(run)) for run in experiment.catalog["experiments"].begun()]
    show(COLUMNS, [[*place(run), *told] for run, told in found])
    intact = [run for run, told in found if told != _DAMAGED]
    if len(intact) < len(found):
        click.echo(f"{len(found) - len(intact)} experiments are damaged: `kedro al verify` says where.")
    waiting = [(run, asked) for run in intact if (asked := _asked_of_people(run))]
    here = experiment.run.dataset
    for run, asked in waiting:
        if run.dataset == here:
            click.echo(people.next_step(*asked, experiment.flags_of(run)))
    if others := sorted({run.dataset for run, _ in waiting} - {here}):
        click.echo(f"How experiments of {', '.join(others)} go on: give their --env, too.")


COLUMNS = ["dataset", "experiment", "strategy", "seed", "cycles", "labels", "result", "state"]
"""Of a table of experiments: `place` and `standing`."""


def place(run: Run) -> list[str]:
    """The first columns of a table of experiments."""
    return [run.dataset, run.experiment, run.strategy, f"seed_{run.seed}"]


_RESULTS = ("accuracy", "dice")
"""Columns of `metrics` that say how good a network is, whichever the task has."""


_DAMAGED = ["-", "-", "-", "damaged"]


def standing(run: Run) -> list[str]:
    """Committed cycles, labels, test accuracy or Dice, and state.

    One that is damaged says so, and hides no other.
    """
    try:
        return _standing(run)
    except (QueryloopError, DatasetError, OSError):
        return _DAMAGED


def _standing(run: Run) -> list[str]:
    now = _state(run)
    if not run.versions:
        return ["0", "0", "-", now]
    run.check()
    last = run.metrics.iloc[-1]
    measure = next(name for name in _RESULTS if name in last)
    return [str(len(run.versions)), str(last["n_labeled"]), f"{last[measure]:.4f} {measure}", now]


def _state(run: Run) -> str:
    if who := lock.holder(run.home):
        return f"running (process {who['pid']} on {who['host']})"
    if (name := run.settings["experiment"]) != run.experiment:
        return f"a copy of {name}"
    asked = _asked_of_people(run)
    return people.standing(*asked) if asked else "at rest"


def _asked_of_people(run: Run) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The open query and all answers, where people are asked and nothing runs."""
    if lock.holder(run.home) or not asks_people(run.settings, len(run.versions)):
        return None
    return None if run.query.empty else (run.query, run.answers)


def show(columns: list[str], rows: list[list[str]]) -> None:
    """Print a table; nothing of it is cut off, and a file or another program gets a line for each row."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console.width = _UNBOUNDED
    console.print(table)


_UNBOUNDED = 10_000
