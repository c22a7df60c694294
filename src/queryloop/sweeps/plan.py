"""The experiments of a sweep as they would run, and where each of them stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from queryloop.errors import OptionsError, QueryloopError
from queryloop.experiment import checked
from queryloop.options import ExperimentOptions
from queryloop.oracles.registry import is_waited_for
from queryloop.recorded import settings_of
from queryloop.session import CycleSession
from queryloop.statistics.stopping import stop_reason
from queryloop.storage import state
from queryloop.storage.experiment import committed
from queryloop.storage.results import ExperimentResults
from queryloop.storage.run import Run
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
    results: ExperimentResults
    """All experiments of its data set."""
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
        return 0 if self.is_complete else max(0, self.options.n_cycles - self.n_committed)

    @property
    def run(self) -> Run:
        """What of it is committed by now."""
        return self.results.run_at(self.home)

    @property
    def is_complete(self) -> bool:
        """Whether its run would have nothing to do, and nothing to complain of."""
        try:
            return self.n_committed > 0 and self._has_begun_alike() and self._is_at_an_end()
        except QueryloopError:  # it is damaged, which its run says
            return False

    def _has_begun_alike(self) -> bool:
        return state.read_settings(self.home) == self.settings

    def _is_at_an_end(self) -> bool:
        run = self.run
        if len(run.versions) >= self.options.n_cycles:
            return True
        n_asked = len(run.query)
        return n_asked == 0 or stop_reason(run.metrics, n_asked, self.options.stop) is not None


def plan(
    env: str | None, params: dict[str, Any], groups: Iterable[Group], sweep: SweepOptions, workers: int
) -> list[Planned]:
    """All experiments of a sweep, in each group seed by seed: one that is stopped early has compared all
    strategies on fewer seeds.

    params: what stands after --params; what the sweep chooses itself stands above it. workers: how many run
    at once, sharing the cores. Raises OptionsError for a wrong name, key or value before anything runs, and
    MissingFilesError.
    """
    return [planned for group in groups for planned in _of_group(env, params, group, sweep, workers)]


def _of_group(
    env: str | None, params: dict[str, Any], group: Group, sweep: SweepOptions, workers: int
) -> list[Planned]:
    runtime = merged(merged(group.parameters, params), group.chosen)
    context = CycleSession.create(env=env, runtime_params=runtime).load_context()
    parameters = context.config_loader["parameters"]
    asked = []
    for seed, strategy in product(sweep.all_seeds, sweep.strategies):
        given = {**runtime, "strategy": strategy, "seed": seed}
        options = checked({**parameters, "strategy": strategy, "seed": seed}, flat(runtime))
        _refuse_waiting(options.oracle.name)
        if group.budget is not None:
            given["n_cycles"] = cycles_within(group.budget, options.start.size, options.query.size)
            options = options.model_copy(update={"n_cycles": given["n_cycles"]})
        asked.append((options, given))
    catalog = context.catalog  # made anew at each look, and not before the options are checked
    usual = _usual_threads(catalog["labeled_index"].home.parents[1])
    return [_planned(catalog, options, given, usual, workers) for options, given in asked]


def _refuse_waiting(oracle: str) -> None:
    if is_waited_for(oracle):
        raise OptionsError(
            f"a sweep goes on by itself, but oracle.name:{oracle} waits for answers between cycles: "
            "run such an experiment with kedro run."
        )


def _planned(
    catalog: Any, options: ExperimentOptions, runtime: dict[str, Any], usual: int | None, workers: int
) -> Planned:
    here = catalog["labeled_index"].home
    home = here.parents[1] / options.strategy / f"seed_{options.seed}"
    settings = settings_of(options, catalog["fingerprint"].fingerprint)
    if options.training.threads == "auto":
        share = max(1, settings["computing"]["threads"] // workers)
        settings["computing"]["threads"] = _recorded_threads(home) or usual or share
    return Planned(options, runtime, home, settings, catalog["experiments"], catalog["samples"].exists())


def _usual_threads(folder: Path) -> int | None:
    """Threads of most experiments of a name, on which a new one can be compared with them."""
    recorded = Counter(filter(None, map(_recorded_threads, sorted(folder.glob("*/seed_*")))))
    return recorded.most_common(1)[0][0] if recorded else None


def _recorded_threads(home: Path) -> int | None:
    """Threads that an experiment began with; None before its first commit."""
    try:
        settings = state.read_settings(home) if committed(home) else None
    except QueryloopError:  # it is damaged, which its run says
        return None
    return settings["computing"]["threads"] if settings else None


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two trees of parameters as one, in which `above` holds."""
    found = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            found[key] = merged(below[key], above[key])
    return found


def left_of(planned: Sequence[Planned]) -> list[Planned]:
    """Those that are not complete."""
    return [experiment for experiment in planned if not experiment.is_complete]
