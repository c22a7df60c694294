"""Temporary folders that no killed process leaves behind for good."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory

_SUFFIX = ".unfinished"


@contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder in `parent`, deleted at the end; first those with its prefix whose makers were killed.

    It is locked for as long as its maker lives, by which others know that it does. Where the file system
    has no locks, nothing of others is deleted.
    """
    with ExitStack() as held:
        with _locked(parent):  # nobody looks before the new one is locked
            _remove_abandoned(parent, prefix)
            folder = Path(held.enter_context(TemporaryDirectory(_SUFFIX, prefix, parent)))
            held.enter_context(_locked(folder))
        yield folder


def _remove_abandoned(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{escape(prefix)}*{_SUFFIX}"):
        with suppress(OSError), _locked(folder, fcntl.LOCK_NB) as alone:
            if alone:
                shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[bool]:
    """Hold the lock of a folder, which leaves no file and ends with its holder, and tell whether it was had.

    how: beside alone.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor, fcntl.LOCK_EX | how)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        return False
    return True
