"""The bytes of one source file, and the one door that foreign errors leave through."""

from __future__ import annotations

import errno
import gzip
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from queryloop.errors import BrokenFileError, QueryloopError

GZIP = b"\x1f\x8b\x08"  # and deflate, the one method that there is
_OF_THE_MACHINE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_ADDRESS = re.compile(r" *<_io\.\w+ object at \w+>")  # differs from run to run and says nothing


@contextmanager
def refusing(path: Path, problem: str) -> Iterator[None]:
    """Turns whatever a decoder raises into a BrokenFileError that names `path` and `problem`.

    But for what says nothing of the file: too little memory, too many open files.
    """
    try:
        yield
    except (QueryloopError, MemoryError):
        raise
    except Exception as error:  # decoders of foreign bytes promise no class of error
        if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
            raise
        reason = f"{type(error).__name__}: {_ADDRESS.sub('', str(error))}"
        raise BrokenFileError(f"{path}: {problem} ({reason}).") from error


def contents(path: Path) -> bytes:
    """All bytes of a file, unpacked if they are gzip. Raises BrokenFileError if empty or unreadable."""
    raw = packed(path)
    if raw.startswith(GZIP):
        with refusing(path, "is damaged gzip, copy or download it anew"):
            raw = gzip.decompress(raw)
    if not raw:
        raise BrokenFileError(f"{path}: is empty: copy or download it anew.")
    return raw


def packed(path: Path) -> bytes:
    """All bytes of a file as they lie on disk. Raises BrokenFileError if unreadable."""
    with refusing(path, "cannot be read"):
        return path.read_bytes()


def digest(path: Path) -> str:
    """The sha256 of a file as it lies on disk, in hex. Raises BrokenFileError if unreadable."""
    with refusing(path, "cannot be read"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
