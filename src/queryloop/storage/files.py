"""Files that are written whole or not at all, each with a seal that tells when it was changed.

A file is written under a temporary name, flushed to the disk and then linked to its own name: a
crash leaves it complete or absent, and an existing file is never overwritten. Its seal, a small
JSON file beside it, holds schema, size and SHA-256, and is written just before the link.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

from queryloop.errors import CorruptFileError, StateError

SCHEMA = 1
SEAL = ".seal"
_DAMAGED = "it was changed or damaged; restore it from a copy, or give another experiment name."


class Writer(Protocol):
    """The part of a binary file that the encoders use."""

    def write(self, data: bytes | memoryview, /) -> int: ...  # noqa: D102


class _HashingFile:
    """A binary file for writing that knows the hash and the size of what went through it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview, /) -> int:
        self._hash.update(data)
        self.size += memoryview(data).nbytes
        return self._file.write(data)

    def seal(self) -> bytes:
        content = {"schema": SCHEMA, "sha256": self._hash.hexdigest(), "bytes": self.size}
        return json.dumps(content).encode()


@contextmanager
def whole_file(path: Path) -> Iterator[Writer]:
    """Open `path` for writing; it appears, sealed, when the block ends without an error.

    Raises FileExistsError where `path` exists, StateError where the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        make_folder(path.parent)
        _remove_abandoned(path.parent)
        with temporary.open("wb") as file:
            hashing = _HashingFile(file)
            yield hashing
            file.flush()
            os.fsync(file.fileno())
        _write_seal(path, hashing.seal())
        os.link(temporary, path)
        _sync_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise StateError(
            f"cannot write {path}: {error.strerror}. Nothing of it was kept, and what was committed before "
            "is intact: make room or make the folder writable, and give the same command again."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents so that they outlive a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _write_seal(path: Path, content: bytes) -> None:
    if path.exists():
        raise FileExistsError(path)
    temporary = path.with_name(f".{path.name}{SEAL}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(seal_of(path))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(folder: Path) -> None:
    """Delete temporary files whose writer no longer lives."""
    for temporary in folder.glob(".*.tmp"):
        if not is_alive(int(temporary.name.split(".")[-2])):
            temporary.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether a process of that number runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def seal_of(path: Path) -> Path:
    """Where the seal of `path` lies."""
    return path.with_name(path.name + SEAL)


def check_seal(path: Path) -> None:
    """Compare a file with its seal, once in a process for each state of the file.

    Raises CorruptFileError (changed, truncated or without a seal) or StateError (another schema).
    """
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise CorruptFileError(f"{path} is missing: it was deleted, or never finished.") from None
    _check_seal(path, stat.st_size, stat.st_mtime_ns)


@cache
def _check_seal(path: Path, size: int, changed: int) -> None:
    try:
        seal = json.loads(seal_of(path).read_bytes())
        schema, digest, expected = seal["schema"], seal["sha256"], seal["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        raise CorruptFileError(f"{path} has no readable seal ({seal_of(path).name}): {_DAMAGED}") from None
    if schema != SCHEMA:
        raise StateError(f"{path} has schema {schema}; this version of queryloop reads schema {SCHEMA}.")
    if size != expected or digest_of(path, size, changed) != digest:
        raise CorruptFileError(
            f"{path} is not what was written ({size} bytes, {expected} expected): {_DAMAGED}"
        )


@cache
def digest_of(path: Path, size: int, changed: int) -> str:  # noqa: ARG001
    """SHA-256 of a file, remembered for its size and time of change."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
