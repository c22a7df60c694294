"""Counts what a process does to the files below a folder, and strikes at one of them.

An audit hook sees every opening for writing, link, rename, removal and folder; `write` and `fsync`,
which raise no event, are wrapped, and so is the loading of a batch, to be able to strike within a
training. The n-th of all these is where the fault strikes: before the operation, or in the middle of
it for a write.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NoReturn

from queryloop.storage import files
from queryloop.training import batches

EVENTS = {"open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}
BATCH = "batch of a training"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Strike = Callable[[str], None]


def kill(_name: str) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def full_disk(name: str) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)


def broken_disk(name: str) -> NoReturn:
    raise OSError(errno.EIO, os.strerror(errno.EIO), name)


def interrupt(_name: str) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def terminate(_name: str) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@dataclass(frozen=True)
class Pause:
    """Not a fault: stand still until the test says so."""

    reached: Event
    go_on: Event

    def __call__(self, _name: str) -> None:
        self.reached.set()
        self.go_on.wait()


def install(folder: Path, log: Path, at: int = 0, strike: Strike = kill) -> None:
    """From now on write a line into `log` for each operation below `folder`, and strike at number `at`."""
    operations = _Operations(folder, log, at, strike)
    os.fsync = operations.around_fsync(os.fsync)
    files._HashingFile.write = operations.around_write(files._HashingFile.write)
    batches.load = operations.around_load(batches.load)
    sys.addaudithook(operations.hook)


class _Operations:
    def __init__(self, folder: Path, log: Path, at: int, strike: Strike) -> None:
        self._prefix = os.fspath(folder.absolute())
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._at, self._strike = at, strike
        self._count = 0

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS and self._concerns(event, arguments):
            self._next(f"{event} {arguments[0]}")

    def around_fsync(self, fsync: Callable[[int], None]) -> Callable[[int], None]:
        def counted(descriptor: int) -> None:
            path = os.fspath(Path(f"/proc/self/fd/{descriptor}").readlink())
            if path.startswith(self._prefix):
                self._next(f"fsync {path}")
            fsync(descriptor)

        return counted

    def around_write(self, write: Callable[..., int]) -> Callable[..., int]:
        def counted(hashing: Any, data: bytes | memoryview) -> int:
            half = len(bytes(data)) // 2
            self._next(f"write {half * 2} bytes", lambda: _torn(hashing, bytes(data)[:half]))
            return write(hashing, data)

        return counted

    def around_load(self, load: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self._next(BATCH)
            return load(*arguments)

        return counted

    def _concerns(self, event: str, arguments: tuple[Any, ...]) -> bool:
        path = arguments[0]
        if isinstance(path, int) or (event == "open" and not arguments[2] & _WRITING):
            return False
        relative_to_a_folder = event in ("os.remove", "os.rmdir") and arguments[-1] != -1
        return relative_to_a_folder or os.path.abspath(os.fspath(path)).startswith(self._prefix)  # noqa: PTH100

    def _next(self, name: str, half_done: Callable[[], object] = lambda: None) -> None:
        self._count += 1
        os.write(self._log, f"{name}\n".encode())
        if self._count == self._at:
            half_done()
            self._strike(name)


def _torn(hashing: Any, part: memoryview) -> None:
    hashing._file.write(part)
    hashing._file.flush()
