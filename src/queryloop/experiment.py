"""One experiment as its run sees it: what was asked for, where it lies, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from queryloop.errors import OptionsError
from queryloop.hooks import cycle_hooks
from queryloop.options import ExperimentOptions
from queryloop.parsing import parse
from queryloop.recorded import settings_of, software
from queryloop.samples import table
from queryloop.statistics.stopping import check_stop
from queryloop.storage import lock, state
from queryloop.storage.experiment import committed
from queryloop.tasks.registry import task_of
from queryloop.values import flat

if TYPE_CHECKING:
    from queryloop.storage.run import Run
    from queryloop.tasks.task import Task

IDENTITY = ("experiment", "dataset", "strategy", "seed", "raw_root")


def read_options(loader: Any, runtime: Mapping[str, Any], typed: Mapping[str, Any]) -> ExperimentOptions:
    """The options of a run, checked before anything runs.

    What is `auto` in them is filled in, in the loader too, so that nodes get what was settled. typed: the
    part of `runtime` that somebody typed. Raises OptionsError for a wrong key, value or name, and where the
    parameters name another experiment than the paths of the catalog.
    """
    parameters = loader["parameters"]
    options = checked(parameters, flat(typed))
    in_paths = {**loader["globals"], **runtime}
    for key in IDENTITY:
        if str(parameters[key]) != str(in_paths[key]):
            raise OptionsError(
                f"parameter {key!r} is {parameters[key]} in parameters.yml, but the paths of the catalog are "
                f"made with {in_paths[key]}: set {key} in conf/<env>/globals.yml or with --params={key}:..."
            )
    groups = ("data", "model", "scoring", "training")
    filled = {group: getattr(options, group).model_dump() for group in groups}
    loader["parameters"] = {**parameters, **filled}
    return options


def checked(parameters: Mapping[str, Any], typed: Collection[str]) -> ExperimentOptions:
    """The options with every name checked and what is `auto` filled in. Raises OptionsError.

    typed: dotted names of the parameters that stand after --params.
    """
    from queryloop.oracles.registry import check as check_oracle
    from queryloop.readers.registry import find as find_dataset

    options = parse(parameters)
    check_stop(options)
    find_dataset(options.dataset, options.data)
    task = task_of(options.dataset)
    task.check(options, typed)
    check_oracle(options, typed)
    return task.settled(options)


@dataclass(frozen=True)
class Experiment:
    """An experiment with its options and its catalog; writes to it go through `writing`."""

    options: ExperimentOptions
    catalog: Any
    env: str | None
    named: Mapping[str, Any]
    """What is said on the command line, by its dotted names, but for the number of cycles."""

    @classmethod
    def of(
        cls, context: Any, runtime: Mapping[str, Any], typed: Mapping[str, Any] | None = None
    ) -> Experiment:
        """The experiment of a Kedro context. Raises OptionsError as `read_options` does."""
        typed = runtime if typed is None else typed
        options = read_options(context.config_loader, runtime, typed)
        named = {"strategy": options.strategy, **flat(typed)}
        named.pop("n_cycles", None)
        return cls(options, context.catalog, context.env, named)

    @property
    def flags(self) -> str:
        """What calls for it on the command line: --env and --params."""
        return self._flags(self.named)

    def flags_of(self, run: Run) -> str:
        """What names another experiment of the same data set, for commands that take its settings over."""
        other = {"strategy": run.strategy, "experiment": run.experiment, "seed": run.seed}
        source = {key: value for key, value in self.named.items() if key in ("dataset", "raw_root")}
        return self._flags({**other, **source})

    def _flags(self, named: Mapping[str, Any]) -> str:
        env = f"--env={self.env} " if self.env else ""
        # kedro viz takes only the equals sign, kedro run and kedro al take both
        said = {key: "null" if value is None else value for key, value in named.items()}
        return env + quote("--params=" + ",".join(f"{key}={value}" for key, value in said.items()))

    @property
    def task(self) -> Task:
        """What the data set is for."""
        return task_of(self.options.dataset)

    @property
    def home(self) -> Path:
        """The folder of the labelled set and the lock."""
        return self.catalog["labeled_index"].home

    @property
    def dataset_names(self) -> set[str]:
        """Names of the datasets that only the run of an experiment may write."""
        return {name for name in self.catalog if getattr(self.catalog[name], "home", None)}

    @property
    def folders(self) -> list[Path]:
        """The folders of all versioned datasets, each once."""
        datasets = [self.catalog[name] for name in self.dataset_names]
        return sorted({each.folder for each in datasets if getattr(each, "is_versioned", False)})

    @property
    def written_once(self) -> list[Path]:
        """The files that the first cycle is made from."""
        return [self.catalog[name].folder for name in ("splits", "starting_set")]

    @property
    def timings(self) -> Path:
        """The folder of the seconds of each committed cycle."""
        return self.catalog["timings"].folder

    @property
    def settings(self) -> dict[str, Any]:
        """Whatever changes its results, as they would be recorded now."""
        return settings_of(self.options, self.catalog["fingerprint"].fingerprint)

    def check_settings(self) -> None:
        """Raise StateError showing each difference to what it was begun with."""
        state.check_settings(self.home, self.settings)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock, with leftovers removed and the settings recorded.

        Settings that nothing was drawn with are not kept: what was refused was not begun. Raises LockedError,
        and StateError for a damaged state or other settings than before.
        """
        settings, made = self.settings, [*self.written_once, self.catalog["answers"].folder]
        with lock.locked(self.home):
            state.check_origins(self.home, self.written_once)
            state.remove_leftovers(self.home, self.folders, self.timings)
            state.record_settings(self.home, settings, made, keep=self._is_with_people)
            try:
                yield
            finally:
                if not self.catalog.exists("starting_set"):
                    state.forget_settings(self.home)

    @property
    def _is_with_people(self) -> bool:
        """Whether people were asked: some may be at work on the query, told or not."""
        from queryloop.oracles.people import are_given
        from queryloop.oracles.registry import asks_people

        recorded = state.read_settings(self.home)
        if recorded is None:
            return are_given(self.catalog.load("answers"))
        return self.catalog.exists("starting_set") and asks_people(recorded, self.n_committed)

    @property
    def run(self) -> Run:
        """What of it is committed, as comparisons read it."""
        return self.catalog["experiments"].run_at(self.home)

    @property
    def n_committed(self) -> int:
        """Committed cycles."""
        return len(committed(self.home))

    @property
    def is_exhausted(self) -> bool:
        """Whether the last query found nothing left to ask for."""
        return self.n_committed > 0 and self.catalog.load("query").empty

    @property
    def first_of_content(self) -> str:
        """Where what experiments share comes from; embed, where ingest and extract have made all of it."""
        if not (self.catalog.exists("samples") and self.catalog.exists("images")):
            return "ingest"
        return "embed" if self.catalog.exists("features") else "extract"

    @property
    def first_nodes(self) -> list[str]:
        """Where a cycle begins: split runs once for each experiment, and refer needs nothing."""
        content = self.first_of_content
        if content == "ingest":
            return ["refer", content]
        is_split = self.catalog.exists("splits") and self.catalog.exists("starting_set")
        return ["refer", content, "ask_oracle" if is_split else "split"]

    def next_version(self) -> str:
        """A version id above all that are there."""
        return state.next_version(self.folders)

    def record_timings(self, total: float) -> None:
        """Save the seconds of each stage of the cycle that was just committed, and with what it was made."""
        seconds = {**cycle_hooks.seconds, "cycle": total}
        same = {"cycle": self.n_committed, "software": software()}
        rows = [{**same, "stage": name, "seconds": s} for name, s in seconds.items()]
        self.catalog.save("timings", table("timings", rows))
