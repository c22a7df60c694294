"""What `kedro al experiments` shows: every experiment with its settings, and how far named sweeps are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from queryloop.errors import QueryloopError
from queryloop.inspection import COLUMNS, place, show, standing
from queryloop.storage.run import Run
from queryloop.sweeps.plan import plan
from queryloop.sweeps.written import SweepOptions, groups, read_sweeps
from queryloop.values import flat

_ALWAYS = ("model.name", "start.size", "query.size")
_IDENTITY = ("dataset", "experiment", "strategy", "seed")


def show_experiments(context: Any, env: str | None, params: dict[str, Any]) -> None:
    """Print where all experiments stand, their settings, and how far the sweeps are that are written down."""
    begun = [(run, _settings(run)) for run in context.catalog["experiments"].begun()]
    told = _told([settings for _, settings in begun])
    show(COLUMNS, [[*place(run), *standing(run)] for run, _ in begun])
    show(
        ["experiment", "settings"],
        [["/".join(place(run)), _words(settings, told)] for run, settings in begun],
    )
    if sweeps := read_sweeps(context.config_loader):
        columns = ["sweep", "experiments", "complete", "cycles", "strategies"]
        show(columns, [_far(env, params, name, sweep) for name, sweep in sweeps.items()])


def _settings(run: Run) -> dict[str, Any]:
    """What an experiment was begun with; nothing where the file is damaged, which its state says."""
    try:
        return flat(run.settings)
    except QueryloopError:
        return {}


def _told(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys worth telling: the usual ones, and those whose values are not the same everywhere."""
    values: dict[str, set[str]] = defaultdict(set)
    for each in settings:
        for key, value in each.items():
            values[key].add(repr(value))
    differing = {key for key, found in values.items() if len(found) > 1} - {*_IDENTITY, *_ALWAYS, "samples"}
    return [*_ALWAYS, *sorted(differing)]


def _words(settings: Mapping[str, Any], told: Sequence[str]) -> str:
    return ", ".join(f"{key}:{settings[key]}" for key in told if key in settings)


def _far(env: str | None, params: dict[str, Any], name: str, sweep: SweepOptions) -> list[str]:
    """How far a sweep is; what is wrong with it where it cannot run."""
    try:
        planned = plan(env, params, groups(name, sweep), sweep, workers=1)
    except QueryloopError as error:
        return [name, "-", "-", "-", f"cannot run: {error}"]
    n_cycles = sum(experiment.options.n_cycles for experiment in planned)
    done = n_cycles - sum(experiment.n_left for experiment in planned)
    complete = sum(experiment.is_complete for experiment in planned)
    return [name, str(len(planned)), str(complete), f"{done} of {n_cycles}", ", ".join(sweep.strategies)]
