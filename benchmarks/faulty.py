"""How a fault gets into a process that has all imported already, and how a process is tried with it."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.util
import os
import resource
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

from mutants import Mutant

ROOT = Path(__file__).resolve().parents[1]
STRATEGIES = ROOT / "src" / "queryloop" / "strategies"
_FOLDER = str(STRATEGIES)
SURVIVED, KILLED, TIMED_OUT = "survived", "killed", "timed out"
_MEMORY = 4 * 2**30  # bytes that a fault may take
_BROKEN = 2
_AT_FIRST = 30.0  # seconds, until a test sets a limit of its own

Entered = set[tuple[str, str]]
"""Functions: their file, and the name of the outermost one."""


class Watch:
    """Notes which functions of the strategies are entered."""

    def __init__(self) -> None:
        self.entered: Entered = set()

    def __call__(self, frame: FrameType, _event: str, _arg: object) -> None:
        code = frame.f_code
        if code.co_filename.startswith(_FOLDER):
            self.entered.add((code.co_filename, code.co_qualname.partition(".<locals>")[0]))

    @contextlib.contextmanager
    def on(self) -> Iterator[Entered]:
        self.entered = set()
        sys.settrace(self)
        try:
            yield self.entered
        finally:
            sys.settrace(None)


def functions() -> dict[str, list[Any]]:
    """Functions and caches of each file of the strategies that live now."""
    found: dict[str, list[Any]] = defaultdict(list)
    for one in gc.get_objects():
        inner = one.__wrapped__ if type(one) is functools._lru_cache_wrapper else one
        if isinstance(inner, FunctionType) and inner.__code__.co_filename.startswith(_FOLDER):
            found[inner.__code__.co_filename].append(one)
    return found


def swap(mutant: Mutant, live: list[Any]) -> None:
    """Put the fault into the functions that are there, and forget what they have answered."""
    codes = {(code.co_qualname, code.co_firstlineno): code for code in nested(mutant.code())}
    for one in live:
        if isinstance(one, FunctionType):
            one.__code__ = codes.get((one.__code__.co_qualname, one.__code__.co_firstlineno), one.__code__)
        else:
            one.cache_clear()


def nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested(constant)


def forget() -> None:
    """Make the next import of the project and of its tests a first one."""
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("queryloop", "tests"):
            del sys.modules[name]


class Faulty(SourceFileLoader):
    """Finds and loads one module with the fault in it."""

    def __init__(self, mutant: Mutant) -> None:
        inner = mutant.path.relative_to(ROOT / "src").with_suffix("")
        self.mutant, name = mutant, ".".join(inner.parts).removesuffix(".__init__")
        super().__init__(name, str(mutant.path))

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        return self.mutant.code()


def forked(any_fails: Callable[[], bool]) -> str:
    """The outcome of a trial in a process of its own. Raises RuntimeError where the trial itself breaks."""
    process = os.fork()
    if process == 0:
        found = _BROKEN
        with quiet():
            try:
                signal.signal(signal.SIGPROF, signal.SIG_DFL)
                signal.setitimer(signal.ITIMER_PROF, _AT_FIRST)
                held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                resource.setrlimit(resource.RLIMIT_AS, (held + _MEMORY, held + _MEMORY))
                found = int(any_fails())
            finally:
                os._exit(found)
    status = os.waitpid(process, 0)[1]
    if os.WIFSIGNALED(status):
        return TIMED_OUT if os.WTERMSIG(status) == signal.SIGPROF else KILLED
    if os.WEXITSTATUS(status) == _BROKEN:
        raise RuntimeError("a trial broke: run it by itself to see why")
    return KILLED if os.WEXITSTATUS(status) else SURVIVED


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What tests write goes nowhere, whichever way they write it."""
    kept, nowhere = [os.dup(number) for number in (1, 2)], os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    try:
        yield
    finally:
        for number, before in zip((1, 2), kept, strict=True):
            os.dup2(before, number)
            os.close(before)
        os.close(nowhere)
