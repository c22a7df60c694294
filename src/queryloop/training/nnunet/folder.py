"""Where nnU-Net works: a temporary folder, which a killed run leaves behind for the next one to delete."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_PREFIX = "queryloop-nnunet-"


@contextmanager
def work_folder() -> Iterator[Path]:
    """A new temporary folder, deleted at the end; first those of killed runs are.

    The folder is locked for as long as its run lives, by which others know that it does.
    """
    with ExitStack() as held:
        with _locked(Path(tempfile.gettempdir())):  # nobody looks before the new one is locked
            _remove_abandoned()
            folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX)))
            held.enter_context(_locked(folder))
        yield folder


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError), _locked(folder, fcntl.LOCK_NB):
            shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[None]:
    """Hold the lock of a folder, which leaves no file and ends with its holder. how: beside alone."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(descriptor)
