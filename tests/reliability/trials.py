"""Runs of `kedro` in forked processes, which start in no time, and what they leave in data/."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from queryloop.storage.files import SEAL

from .faults import Strike, install, kill

IMPORTED = (
    "kedro.framework.cli.cli",
    "kedro_viz.launchers.cli.main",
    "kedro_viz.integrations.kedro.hooks",
    "lightning.pytorch",
    "pandas.io.parquet",
    "plotly.graph_objects",
    "plotly.io",
    "safetensors.numpy",
    "queryloop.cli",
    "queryloop.experiment",
    "queryloop.inspection",
    "queryloop.pipeline_registry",
    "queryloop.plots.console",
    "queryloop.plots.curve",
    "queryloop.plots.gallery",
    "queryloop.session",
    "queryloop.settings",
    "queryloop.storage.checkpoints",
    "queryloop.strategies",
    "queryloop.tasks.registry",
)
"""All that a run imports; none of it computes anything at import, so forking it is safe."""

TINY = (
    "strategy:margin,start.size:20,query.size:20,model.name:mlp,model.width:8,"
    "training.epochs:2,training.min_steps:0,training.threads:1,data.workers:1"
)


def al_cycle(n_cycles: int, more: str = "") -> list[str]:
    """The command under test, with the smallest configuration that trains and scores."""
    return ["run", "--pipeline=al_cycle", f"--params=n_cycles:{n_cycles},{TINY}{more}"]


PATIENCE = 300
"""Seconds until a process that should have ended is killed."""

FULL = os.environ.get("QUERYLOOP_FULL") == "1"
"""Whether to strike everywhere and not only at a sample."""

INTERRUPTED = "Interrupted. Nothing half-written is kept: the same command goes on after what was finished.\n"

VERIFY = ["al", "verify", "--params=strategy:margin"]


@cache
def fork_server() -> ForkServerContext:
    """A context whose processes begin with all imports done, and compute on one thread."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED])
    with patch.dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"):
        ensure_running()
    return context


@dataclass(frozen=True)
class Ended:
    """How a process ended, what it said, and which operations on files it did."""

    code: int
    said: str
    operations: list[str]


@dataclass(frozen=True)
class Trial:
    """`kedro` commands, one after the other in one forked process, in the project at `project`."""

    project: Path
    commands: Sequence[Sequence[str]]
    at: int = 0
    strike: Strike = kill
    name: str = "trial"

    def start(self) -> BaseProcess:
        """The process, begun."""
        process = fork_server().Process(target=_kedro, args=(self,))
        process.start()
        return process

    def end(self, process: BaseProcess) -> Ended:
        """Wait for the end of what was started."""
        process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()
        said, operations = (path.read_text() for path in (self.said, self.operations))
        return Ended(process.exitcode, said, operations.splitlines())

    @property
    def said(self) -> Path:
        """Where its output goes."""
        return self.project / f"{self.name}.said"

    @property
    def operations(self) -> Path:
        """Where its operations are listed."""
        return self.project / f"{self.name}.operations"

    def run(self) -> Ended:
        """Start it and wait for its end."""
        return self.end(self.start())


def run_all(trials: Iterable[Trial]) -> Iterator[Ended]:
    """Run trials two at a time."""
    left = iter(trials)
    while pair := list(islice(left, 2)):
        started = [trial.start() for trial in pair]
        yield from map(Trial.end, pair, started)


def _kedro(trial: Trial) -> None:
    os.chdir(trial.project)
    os.environ["COLUMNS"] = "200"
    output = os.open(trial.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    install(Path("data"), trial.operations, trial.at, trial.strike)
    from kedro.framework.cli.cli import main

    for command in trial.commands:
        sys.argv = ["kedro", *command]
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise


def contents(project: Path) -> dict[str, str]:
    """A digest of each stored file by its place, the versions numbered; without what a clock wrote.

    Left out: timings, seals, locks and temporary files; of tables the column labeled_at.
    """
    data = project / "data"
    number: dict[tuple[tuple[str, ...], str], str] = {}
    for mark in data.glob("**/labeled_index.parquet"):
        if mark.is_dir():
            experiment = mark.parent.relative_to(data).parts[1:]
            for i, version in enumerate(sorted(path.parent.name for path in mark.glob("*/*.parquet")), 1):
                number[experiment, version] = f"version {i}"
    return {
        "/".join(number.get((parts[1:5], part), part) for part in parts): _digest(path)
        for path in sorted(data.rglob("*"))
        for parts in [path.relative_to(data).parts]
        if path.is_file() and not _left_out(path)
    }


def _left_out(path: Path) -> bool:
    passing = path.name in ("lock", "lock.json") or path.suffix in (SEAL, ".tmp")
    return passing or "timings.parquet" in path.parts


def _digest(path: Path) -> str:
    return hashlib.sha256(_table(path) if path.suffix == ".parquet" else path.read_bytes()).hexdigest()


def _table(path: Path) -> bytes:
    frame = pd.read_parquet(path)
    return frame.drop(columns="labeled_at", errors="ignore").to_csv(index=False).encode()


def sample(numbers: Sequence[int], n: int) -> list[int]:
    """`n` of the numbers, spread evenly and always the same; all of them in a full run."""
    return [*numbers] if FULL or n >= len(numbers) else [*numbers[:: math.ceil(len(numbers) / n)]]


def position(operations: Sequence[str], name: str, place: str) -> int:
    """The number of the first operation of this name at this place."""
    return next(i for i, said in enumerate(operations, 1) if said.startswith(name) and place in said)


def recovered(projects: Sequence[Path], command: Sequence[str], wanted: dict[str, str]) -> list[str]:
    """Give the same command again in each project: a sentence for each that does not end as `wanted`.

    Temporary files may stay as second names of complete files, where nothing is written any more.
    """
    ended = run_all(Trial(project, [command, VERIFY]) for project in projects)
    return [
        problem
        for project, end in zip(projects, ended, strict=True)
        if (problem := _problem(project, end, wanted))
    ]


def _problem(project: Path, end: Ended, wanted: dict[str, str]) -> str | None:
    if end.code != 0 or " 0 problems" not in end.said:
        return f"{project.name}: exit code {end.code}: {end.said}"
    differing = sorted(key for key, _ in contents(project).items() ^ wanted.items())
    left = sorted(path.name for path in project.glob("data/**/.*.tmp") if path.stat().st_nlink == 1)
    return f"{project.name}: differs in {differing}, left {left}" if differing or left else None
