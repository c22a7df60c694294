"""Processes that run one experiment each, forked from one that has imported everything once.

Importing takes longer than many a cycle. A forked process has it all at no cost and still is a process
of its own: what it leaks, changes or crashes with stays its own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

_IMPORTED = (
    "pandas.io.parquet",
    "plotly.io",
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
    "queryloop.tasks.classification.networks",
    "queryloop.tasks.registry",
    "safetensors.numpy",
)
"""None of it starts a thread or computes anything at import, so forking it is safe."""

_PATIENCE = 10.0  # seconds to end after Ctrl-C


@cache
def _fork_server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_IMPORTED])
    ensure_running()
    return context


class Worker:
    """A process that runs `kedro run --pipeline=al_cycle` with these parameters in a project.

    env, runtime: what stands after --env and --params. threads: those it computes on, where the settings
    leave it open. log: a file for what it prints. It ends with the process that made it.
    """

    def __init__(
        self, project: Path, env: str | None, runtime: dict[str, Any], threads: int, log: Path
    ) -> None:
        self._log = log
        self._told, tell = multiprocessing.Pipe(duplex=False)
        arguments = (project, env, runtime, threads, log, tell)
        self.process: BaseProcess = _fork_server().Process(target=_run, args=arguments)
        self.process.start()
        tell.close()

    @property
    def sentinel(self) -> int:
        """Ready once the process has ended."""
        return self.process.sentinel

    @property
    def died(self) -> bool:
        """Whether it was ended from outside, rather than by an error of its own."""
        return (self.process.exitcode or 0) < 0

    def failure(self) -> str | None:
        """Once it has ended: what went wrong, in words, or None."""
        self.process.join()
        code = self.process.exitcode
        if code == 0:
            return None
        if code is not None and code < 0:
            return f"its process was ended by {signal.Signals(-code).name}{self._last_words()}."
        try:
            return self._told.recv()
        except EOFError:
            return f"its process ended with code {code}{self._last_words()}."

    def _last_words(self) -> str:
        said = self._log.read_text(errors="replace").strip() if self._log.exists() else ""
        if os.environ.get("QUERYLOOP_DEBUG") == "1":
            return f"; it said:\n{said}\n"  # with the traceback, and nobody sees the log later
        return f"; the last it said: {said.splitlines()[-1]}" if said else ""


def stop(workers: Sequence[Worker]) -> None:
    """End processes as Ctrl-C does, and those that take too long at once."""
    for worker in workers:
        if worker.process.is_alive() and worker.process.pid:
            os.kill(worker.process.pid, signal.SIGINT)
    for worker in workers:
        worker.process.join(_PATIENCE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _run(
    project: Path, env: str | None, runtime: dict[str, Any], threads: int, log: Path, tell: Connection
) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(project)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        _run_cycles(project, env, runtime, threads)
    except BaseException as error:
        from queryloop.errors import message_of

        if os.environ.get("QUERYLOOP_DEBUG") == "1":
            raise
        tell.send(message_of(error))
        sys.exit(1)


def _run_cycles(project: Path, env: str | None, runtime: dict[str, Any], threads: int) -> None:
    import torch
    from kedro.framework.startup import bootstrap_project

    from queryloop.session import CycleSession

    torch.set_num_threads(threads)
    bootstrap_project(project)
    session: Any = CycleSession.create(project, env=env, runtime_params=runtime)
    with session:
        session.run(pipeline_names=["al_cycle"])


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)
