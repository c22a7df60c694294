"""The experiments of a sweep as they would run, and where each of them stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from queryloop.errors import OptionsError
from queryloop.experiment import checked, settings_of
from queryloop.inspection import in_place_of
from queryloop.options import ExperimentOptions
from queryloop.oracles.registry import is_waited_for
from queryloop.session import CycleSession
from queryloop.statistics.stopping import stop_reason
from queryloop.storage import state
from queryloop.storage.experiment import committed
from queryloop.storage.tables import read_table
from queryloop.sweeps.written import Group, SweepOptions, cycles_within
from queryloop.values import flat


@dataclass(frozen=True)
class Planned:
    """One experiment of a sweep: what `kedro run` would be given, and what that comes to."""

    options: ExperimentOptions
    runtime: dict[str, Any]
    """What stands after --params."""
    home: Path
    settings: dict[str, Any]
    """What its run records before the first commit, with the threads it computes on."""
    folders: dict[str, Path]
    """Where its tables lie, by their names in the catalog."""
    has_content: bool
    """Whether the data set was read before."""

    def __str__(self) -> str:
        """How it is called on the screen."""
        return f"{self.options.experiment}/{self.options.strategy}/seed_{self.options.seed}"

    @property
    def threads(self) -> int:
        """Threads that it computes on."""
        return self.settings["computing"]["threads"]

    @property
    def n_committed(self) -> int:
        """Committed cycles."""
        return len(committed(self.home))

    @property
    def n_left(self) -> int:
        """Cycles that are not committed."""
        return 0 if self.is_complete else self.options.n_cycles - self.n_committed

    @property
    def is_complete(self) -> bool:
        """Whether its run would have nothing to do, and nothing to complain of."""
        n_committed = self.n_committed
        if not n_committed or state.read_settings(self.home) != self.settings:
            return False
        if n_committed >= self.options.n_cycles:
            return True
        n_asked = len(self.last("query"))
        return n_asked == 0 or stop_reason(self.last("metrics"), n_asked, self.options.stop) is not None

    def last(self, name: str) -> Any:
        """A table as it was committed last."""
        folder = self.folders[name]
        return read_table(folder / committed(self.home)[-1] / folder.name, name)


def plan(
    env: str | None, params: dict[str, Any], groups: Iterable[Group], sweep: SweepOptions, workers: int
) -> list[Planned]:
    """All experiments of a sweep: those of a strategy one after the other, seed by seed.

    workers: how many run at once, sharing the cores. Raises OptionsError for a wrong name, key or value
    before anything runs, and MissingFilesError.
    """
    for key in ("strategy", "seed"):
        if key in params:
            raise OptionsError(
                f"--params cannot hold {key}, which the sweep chooses: give --strategies and --seeds."
            )
    return [planned for group in groups for planned in _of_group(env, params, group, sweep, workers)]


def _of_group(
    env: str | None, params: dict[str, Any], group: Group, sweep: SweepOptions, workers: int
) -> list[Planned]:
    runtime = _merged(group.parameters, params)
    context = CycleSession.create(env=env, runtime_params=runtime).load_context()
    parameters = context.config_loader["parameters"]
    asked = []
    for strategy, seed in product(sweep.strategies, sweep.all_seeds):
        given = {**runtime, "strategy": strategy, "seed": seed}
        options = checked({**parameters, "strategy": strategy, "seed": seed}, flat(runtime))
        _refuse_waiting(options.oracle.name)
        if group.budget is not None:
            given["n_cycles"] = cycles_within(group.budget, options.start.size, options.query.size)
            options = options.model_copy(update={"n_cycles": given["n_cycles"]})
        asked.append((options, given))
    catalog = context.catalog  # made anew at each look, and not before the options are checked
    return [_planned(catalog, options, given, workers) for options, given in asked]


def _refuse_waiting(oracle: str) -> None:
    if is_waited_for(oracle):
        raise OptionsError(
            f"a sweep goes on by itself, but oracle.name:{oracle} waits for answers between cycles: "
            "run such an experiment with kedro run."
        )


def _planned(catalog: Any, options: ExperimentOptions, runtime: dict[str, Any], workers: int) -> Planned:
    here = catalog["labeled_index"].home
    home = here.parents[1] / options.strategy / f"seed_{options.seed}"
    settings = settings_of(options, catalog["fingerprint"].fingerprint)
    if options.training.threads == "auto":
        settings["computing"]["threads"] = max(1, settings["computing"]["threads"] // workers)
        before = state.read_settings(home) or {"computing": {}} if committed(home) else {"computing": {}}
        settings["computing"] |= {k: v for k, v in before["computing"].items() if k == "threads"}
    folders = {
        name: in_place_of(catalog[name].folder, here, home) for name in ("query", "metrics", "timings")
    }
    return Planned(options, runtime, home, settings, folders, catalog["samples"].exists())


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two trees of parameters as one, in which `above` holds."""
    merged = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            merged[key] = _merged(below[key], above[key])
    return merged


def left_of(planned: Sequence[Planned]) -> list[Planned]:
    """Those that are not complete."""
    return [experiment for experiment in planned if not experiment.is_complete]
