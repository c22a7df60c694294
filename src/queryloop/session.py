"""The session that repeats the cycle: one Kedro session, one version, one commit each time."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Mapping
from typing import Any

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from queryloop.errors import OptionsError
from queryloop.pipelines.commit import commits

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


class CycleSession(KedroSession):
    """A Kedro session whose run goes on until `n_cycles` cycles are committed.

    Whatever contains the node `commit` goes through the loop, the lock and the checks; a part
    without it runs as in Kedro, under the lock where it writes to the experiment.
    """

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
        """Kedro's own run of a part that does not commit."""
        from queryloop.experiment import read_options, state_folders
        from queryloop.storage import lock, state

        context = self.load_context()
        read_options(context.config_loader, self.store.get("runtime_params") or {})
        catalog = context.catalog
        home, folders = catalog["labeled_index"].home, state_folders(catalog)
        if not _filtered(asked["pipeline_names"], asked).all_outputs() & _of_experiment(catalog):
            return super().run(**asked)
        with lock.locked(home):
            state.remove_leftovers(home, folders)
            self._store["session_id"] = state.next_version(folders)
            return super().run(**asked)

    def _run_cycles(self) -> dict[str, Any]:
        """Cycles until `n_cycles` are committed, the pool is exhausted, or the oracle must be waited for."""
        from queryloop.experiment import read_options, settings_of, state_folders
        from queryloop.inspection import show_end
        from queryloop.storage import lock, state
        from queryloop.storage.experiment import committed

        context = self.load_context()
        options = read_options(context.config_loader, self.store.get("runtime_params") or {})
        catalog = context.catalog
        home, folders = catalog["labeled_index"].home, state_folders(catalog)
        settings = settings_of(options, catalog["fingerprint"].fingerprint)
        with lock.locked(home):
            state.remove_leftovers(home, folders)
            state.record_settings(home, settings)
            before = len(committed(home))
            while (done := len(committed(home))) < options.n_cycles:
                if done and catalog.load("query").empty:
                    logger.info("pool exhausted: every training sample is labelled.")
                    break
                self._run_cycle(state.next_version(folders), catalog, done + 1)
                catalog["query"].release()
                catalog["metrics"].release()
                _say_done(catalog.load("metrics").iloc[-1], options.n_cycles)
        show_end(catalog, options, before, len(committed(home)))
        return {}

    def _run_cycle(self, version: str, catalog: Any, cycle: int) -> None:
        """One cycle in a session of its own, whose id is the version; timings follow the commit."""
        began = time.perf_counter()
        session = KedroSession(version, self._package_name, self._project_path, conf_source=self._conf_source)
        session._store.update({**self.store, "session_id": version})
        session.run(pipeline_names=["al_cycle"], from_nodes=[_first_node(catalog)])
        _write_timings(catalog, cycle, time.perf_counter() - began)


def _filtered(names: list[str], asked: Mapping[str, Any]) -> Pipeline:
    """The part of the pipelines that Kedro would run; an unknown name is left for Kedro to refuse."""
    pipelines.set_requested(list(names))
    known = [pipelines[name] for name in names if name in pipelines]
    filters = {key: asked.get(key) for key in _FILTERS if key != "namespaces"}
    return sum(known, Pipeline([])).filter(**filters, node_namespaces=asked.get("namespaces"))


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


def _of_experiment(catalog: Any) -> set[str]:
    """Names of the datasets that only the run of an experiment may write."""
    from queryloop.storage.experiment import ExperimentDataset

    return {name for name in catalog.keys() if isinstance(catalog[name], ExperimentDataset)}  # noqa: SIM118


def _first_node(catalog: Any) -> str:
    """Ingest runs once for each content, split once for each experiment."""
    if not (catalog.exists("samples") and catalog.exists("images")):
        return "ingest"
    return "ask_oracle" if catalog.exists("splits") and catalog.exists("starting_set") else "split"


def _write_timings(catalog: Any, cycle: int, total: float) -> None:
    from queryloop.samples import table
    from queryloop.settings import HOOKS

    seconds = {**HOOKS[0].seconds, "cycle": total}
    rows = [{"cycle": cycle, "stage": stage, "seconds": value} for stage, value in seconds.items()]
    catalog.save("timings", table("timings", rows))


def _say_done(row: Any, n_cycles: int) -> None:
    logger.info(
        "cycle %d of %d: %d labels, accuracy %.4f", row["cycle"], n_cycles, row["n_labeled"], row["accuracy"]
    )
