"""One writer for each experiment: an operating system lock, freed when its holder dies."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from queryloop.errors import LockedError, StateError
from queryloop.storage.files import make_folder, temporary

_held: set[Path] = set()
_LOOK = 0.2
"""Seconds: more than a process needs that only looks whether the lock is held."""


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the lock of the experiment at `home`. Raises LockedError naming the holder's process."""
    lock = _acquired(home)
    try:
        with suppress(OSError):  # it only tells others who we are
            _holder_file(home).write_text(json.dumps(_me()))
        _held.add(home)
        yield
    finally:
        _held.discard(home)
        with suppress(OSError):
            _holder_file(home).unlink(missing_ok=True)
        lock.release()


def require(home: Path) -> None:
    """Refuse to write to an experiment whose lock this process does not hold. Raises StateError."""
    if home not in _held:
        raise StateError(
            f"the experiment at {home} is written only by its own run, which holds its lock: "
            "use `kedro run`, or session.run() of a session made with %reload_kedro."
        )


def holder(home: Path) -> dict[str, Any] | None:
    """Process, host and start time of the run that works on an experiment, or None."""
    return _read_holder(home) if _holder_file(home).exists() and _is_held(home) else None


def _is_held(home: Path) -> bool:
    """Whether a process holds the lock: by the lock itself, for a kill leaves the file that names one."""
    try:
        with _lock_file(home).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it was never taken
        return False
    return False


def _acquired(home: Path) -> FileLock:
    """The lock, taken; a file system that cannot link is refused before anything is written to it."""
    lock = FileLock(_lock_file(home))
    try:
        make_folder(home)
        with temporary(home / "probe") as probe:
            linked = home / Path(probe.name).name.replace("probe", "probe-link")
            os.link(probe.name, linked)
            linked.unlink()
        lock.acquire(timeout=_LOOK, poll_interval=_LOOK / 10)
    except Timeout:
        raise LockedError(_busy(home)) from None
    except OSError as error:
        raise StateError(
            f"experiments cannot be kept in {home}: {error.strerror}. "
            "They need a writable local file system with hard links and folder locks."
        ) from error
    return lock


def _me() -> dict[str, Any]:
    started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "started": started}


def _lock_file(home: Path) -> Path:
    return home / "lock"


def _holder_file(home: Path) -> Path:
    return home / "lock.json"


def _read_holder(home: Path) -> dict[str, Any]:
    try:
        return json.loads(_holder_file(home).read_text())
    except (OSError, ValueError):  # just taken, its file not yet written
        return {"pid": "unknown", "host": "unknown", "started": "just now"}


def _busy(home: Path) -> str:
    who = _read_holder(home)
    return (
        f"the experiment at {home} is in use by process {who['pid']} on {who['host']}, "
        f"started {who['started']}: wait for it, stop it, or give another experiment name."
    )
