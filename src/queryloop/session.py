"""The session that repeats the cycle: one Kedro session, one version, one commit each time."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from queryloop.errors import OptionsError, unknown
from queryloop.pipelines import commits

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

    from queryloop.experiment import Experiment
    from queryloop.stopping import StopRules

logger = logging.getLogger(__name__)

_FILTERS = {
    "tags": "--tags",
    "node_names": "--nodes",
    "from_nodes": "--from-nodes",
    "to_nodes": "--to-nodes",
    "from_inputs": "--from-inputs",
    "to_outputs": "--to-outputs",
    "namespaces": "--namespaces",
}
_NOT_WITH_COMMIT = {
    **_FILTERS,
    "load_versions": "--load-versions",
    "only_missing_outputs": "--only-missing-outputs",
}
_REPORT = "comparison_page"


class CycleSession(KedroSession):
    """A Kedro session whose run goes on until `n_cycles` cycles are committed.

    Whatever contains the node `commit` goes through the loop, the lock and the checks; a part
    without it runs as in Kedro, under the lock where it writes to the experiment.
    """

    _begun: KedroContext | None = None

    def run(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run with Kedro's own arguments. Raises OptionsError for a narrowed run that would commit."""
        asked = inspect.signature(KedroSession.run).bind(self, *args, **kwargs).arguments
        asked.pop("self")
        if name := asked.pop("pipeline_name", None):
            asked["pipeline_names"] = [name]
        names = asked["pipeline_names"] = asked.get("pipeline_names") or ["__default__"]
        if not commits(_filtered(names, asked)):
            return self._run_part(asked)
        _refuse_narrowed(names, asked)
        return self._run_cycles()

    def _run_part(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Kedro's own run of a part that does not commit; what it saves is left over, never loaded."""
        _, experiment = self._begin()
        made = _filtered(asked["pipeline_names"], asked).all_outputs()
        if made & experiment.dataset_names:
            with experiment.writing():
                self._store["session_id"] = experiment.next_version()
                return super().run(**asked)
        return self._run_comparison(experiment, asked) if _REPORT in made else super().run(**asked)

    def _run_comparison(self, experiment: Experiment, asked: dict[str, Any]) -> dict[str, Any]:
        """Kedro's own run, and its report to who else is told of it."""
        from queryloop.tracking.tracker import Tracker

        tracker = Tracker(experiment.options.tracking.mlflow)
        found = super().run(**asked)
        tracker.tell_report(experiment)
        return found

    def _run_cycles(self) -> dict[str, Any]:
        """Cycles until one of `_end` is reached, each told as soon as it is committed."""
        from queryloop.inspection import show_end
        from queryloop.stopping import StopRules
        from queryloop.tracking.tracker import Tracker

        context, experiment = self._begin()
        tracker = Tracker(experiment.options.tracking.mlflow)
        with experiment.writing():
            tracker.tell_cycles(experiment.run)
            before, rules = experiment.n_committed, StopRules(experiment)
            if experiment.catalog.exists("starting_set"):
                self._make_content(context, experiment)
            if before < experiment.options.n_cycles:
                for said in experiment.task.sentences(experiment.options):
                    logger.info(said)
            while (end := self._end(context, experiment, rules)) is None:
                self._run_cycle(context, experiment)
                tracker.tell_cycles(experiment.run)
        if not end.is_waiting or experiment.n_committed > before:
            show_end(experiment, before, is_complete=not end.said)
        if end.said:
            logger.info(end.said)
        return {}

    def _end(self, context: KedroContext, experiment: Experiment, rules: StopRules) -> End | None:
        """Why no cycle follows; None where one does."""
        if experiment.is_exhausted:
            return End("nothing is left to ask for.")
        if experiment.n_committed >= experiment.options.n_cycles:
            return End("")
        if reason := rules.reason():
            return End(f"stopped by {reason}. With another value of it, or null, it goes on.")
        waiting = self._waiting(context, experiment)
        return End(waiting, is_waiting=True) if waiting else None

    def _run_cycle(self, context: KedroContext, experiment: Experiment) -> None:
        """One cycle from where it begins to its commit."""
        began = time.perf_counter()
        cycle = OneCycle(context, experiment.next_version(), self.store)
        cycle.run(pipeline_names=["al_cycle"], from_nodes=experiment.first_nodes)
        experiment.record_timings(time.perf_counter() - began)
        _say_done(experiment.catalog.load("metrics"), experiment.task.measure, experiment.options.n_cycles)

    def _make_content(self, context: KedroContext, experiment: Experiment) -> None:
        """What experiments share, where it was deleted since: a run that waits or ends makes nothing else."""
        if (first := experiment.first_of_content) != "embed":
            made = OneCycle(context, experiment.next_version(), self.store)
            made.run(pipeline_names=["al_cycle"], from_nodes=[first], to_nodes=["embed"])

    def _waiting(self, context: KedroContext, experiment: Experiment) -> str:
        """What people have not answered yet; empty where the next cycle can begin."""
        from queryloop.handover.asked import waiting
        from queryloop.oracles.registry import asks_people

        if not asks_people(experiment.options.model_dump(), experiment.n_committed):
            return ""
        if not experiment.catalog.exists("starting_set"):
            first = OneCycle(context, experiment.next_version(), self.store)
            first.run(pipeline_names=["al_cycle"], from_nodes=experiment.first_nodes, to_nodes=["split"])
        return waiting(experiment)

    def _begin(self) -> tuple[KedroContext, Experiment]:
        """The context and the experiment, with the configuration as it is now for the whole run."""
        from queryloop.experiment import Experiment

        context = self.load_context()
        loader = context.config_loader
        for name in ("globals", "parameters", "catalog"):
            loader[name] = loader[name]
        experiment = Experiment.of(context, self.store.get("runtime_params") or {})
        self._begun = context
        return context, experiment

    def load_context(self) -> KedroContext:
        """A new context; once the run has begun, that of the run, whose parameters are settled."""
        if self._begun is None:
            _check_environment(Path(self._conf_source), self.store.get("env"))
        return self._begun or super().load_context()


def _check_environment(conf: Path, env: str | None) -> None:
    """Raise OptionsError for a name that no folder of conf/ has."""
    names = [place.name for place in conf.glob("*/")]
    if env is not None and env not in names and conf.is_dir():
        raise unknown("environment", env, names)


class End(NamedTuple):
    """What is said when no cycle follows: nothing where all are done. is_waiting: for answers of people."""

    said: str
    is_waiting: bool = False


class OneCycle(KedroSession):
    """Kedro's own session for one cycle: its id is the version, its configuration that of the run."""

    def __init__(self, context: KedroContext, version: str, store: dict[str, Any]) -> None:
        super().__init__(version, context._package_name, context.project_path)
        self._context = context
        self._store.update({**store, "session_id": version})

    def load_context(self) -> KedroContext:
        """The context of the run that repeats the cycle."""
        return self._context


def _say_done(metrics: Any, measure: str, n_cycles: int) -> None:
    from queryloop.statistics.control import told

    row = metrics.iloc[-1]
    done = (row["cycle"], n_cycles, row["n_labeled"], measure, row[measure])
    logger.info("cycle %d of %d: %d labels, %s %.4f", *done)
    if said := told(metrics):
        logger.info(said)


def _filtered(names: list[str], asked: Mapping[str, Any]) -> Pipeline:
    """The part of the pipelines that Kedro would run. Raises OptionsError for an unknown name."""
    pipelines.set_requested(list(names))
    for name in names:
        if name not in pipelines:
            raise unknown("pipeline", name, pipelines.keys())
    filters = {key: asked.get(key) for key in _FILTERS if key != "namespaces"}
    whole = sum((pipelines[name] for name in names), Pipeline([]))
    return whole.filter(**filters, node_namespaces=asked.get("namespaces"))


def _refuse_narrowed(names: list[str], asked: Mapping[str, Any]) -> None:
    used = [flag for key, flag in _NOT_WITH_COMMIT.items() if asked.get(key)]
    runner = asked.get("runner") or SequentialRunner()
    if type(runner) is not SequentialRunner:
        used.append(f"--runner={type(runner).__name__}")
    if runner._is_async:
        used.append("--async")
    if len(names) > 1:
        used.append(f"--pipelines={','.join(names)}")
    if used:
        raise OptionsError(
            f"{', '.join(used)} cannot be used with a run that commits a cycle: leave it out, or leave the "
            "commit out with --to-nodes=select, which changes nothing that is committed."
        )
