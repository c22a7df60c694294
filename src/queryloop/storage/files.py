"""Files that are written whole or not at all, each with a seal that tells when it was changed.

A file is written under a temporary name, flushed to the disk and then linked to its own name: a
crash leaves it complete or absent, and an existing file is never overwritten. Its seal, a small
JSON file beside it, holds schema, version, size and SHA-256, and is written just before the link.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

from queryloop.errors import CorruptFileError, QueryloopError, StateError, cause

SCHEMA = 2
SEAL = ".seal"
TEMPORARY = ".*.tmp"
_RESTORE = "restore it from a copy, or give another experiment name"


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

    def seal(self, version: str | None) -> bytes:
        known = {"schema": SCHEMA, "version": version}
        return json.dumps({**known, "sha256": self._hash.hexdigest(), "bytes": self.size}).encode()


@contextmanager
def whole_file(path: Path) -> Iterator[Writer]:
    """Open `path` for writing; it appears, sealed, when the block ends without an error.

    Raises FileExistsError where `path` exists, StateError where the disk refuses.
    """
    try:
        make_folder(path.parent)
        remove_abandoned(path.parent.glob(TEMPORARY))
        with temporary(path) as file:
            hashing = _HashingFile(file)
            yield hashing
            file.flush()
            os.fsync(file.fileno())
            _publish(file.name, path, hashing.seal(_version_of(path)))
    except QueryloopError:  # of which one is an OSError, too
        raise
    except OSError as error:
        if isinstance(error, FileExistsError) and path.exists():
            raise
        raise StateError(
            f"cannot write {path}: {cause(error)}. Nothing of it was kept, and what was "
            "committed before is intact: make room or make the folder writable, and give the same command "
            "again."
        ) from error


def replace_file(path: Path, content: bytes) -> None:
    """Write `path`, or put `content` in its place; a crash leaves the old file or the new one, no seal.

    For what can be made again from sealed files. Raises StateError where the disk refuses.
    """
    try:
        make_folder(path.parent)
        remove_abandoned(path.parent.glob(TEMPORARY))
        with temporary(path) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
            _sync_folder(path.parent)
    except OSError as error:
        raise StateError(
            f"cannot write {path}: {cause(error)}. What was there before is intact: make room or make the "
            "folder writable, and give the same command again."
        ) from error


@contextmanager
def temporary(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path`, removed at the end; it is locked for as long as its writer lives."""
    place = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with _alone_in(path.parent):
        file = place.open("xb")
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        with file:
            yield file
    finally:
        with suppress(OSError), _alone_in(path.parent):
            _discard(place)


def is_unfinished(path: Path) -> bool:
    """Whether `path` is still being written, or its writer was interrupted."""
    return not path.exists() and any(path.parent.glob(f".{path.name}.*.tmp"))


def remove_abandoned(temporaries: Iterable[Path]) -> None:
    """Delete the temporary files whose writer no longer lives."""
    for place in temporaries:
        with suppress(OSError), _alone_in(place.parent), place.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _discard(place)


def _discard(place: Path) -> None:
    """Delete a temporary file, and before it the seal that its writer did not come to use."""
    path = place.with_name(place.name[1:].rsplit(".", 2)[0])
    if not path.exists():
        seal_of(path).unlink(missing_ok=True)
    place.unlink(missing_ok=True)


def _publish(written: str, path: Path, seal: bytes) -> None:
    """Give a complete file its name. Alone, so that it never stands beside the seal of another writer."""
    with _alone_in(path.parent):
        if path.exists():
            raise FileExistsError(path)
        with seal_of(path).open("wb") as file:
            file.write(seal)
            file.flush()
            os.fsync(file.fileno())
        os.link(written, path)
        _sync_folder(path.parent)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder itself, which leaves no file and ends with its holder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents so that they outlive a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seal_of(path: Path) -> Path:
    """Where the seal of `path` lies: hidden, so that a folder of tables reads as one table."""
    return path.with_name(f".{path.name}{SEAL}")


def _version_of(path: Path) -> str | None:
    """That of a file at NAME/VERSION/NAME, which is no other cycle's; None for all others."""
    return path.parent.name if path.parent.parent.name == path.name else None


def sealed_by(seal: Path) -> Path:
    """The file that a seal belongs to."""
    return seal.with_name(seal.name.removeprefix(".").removesuffix(SEAL))


def check_seal(path: Path, made_again: Path | None = None) -> None:
    """Compare a file with its seal, once in a process for each state of the file.

    made_again: what a run makes again once it is deleted, of a file that is no experiment's own. Raises
    CorruptFileError (changed, truncated or without a seal) or StateError (another schema).
    """
    try:
        stat = path.stat()
    except FileNotFoundError:
        todo = ": the next run of the experiment makes it again" if made_again else ""
        raise CorruptFileError(f"{path} is missing: it was deleted, or never finished{todo}.") from None
    try:
        _compare(path, stat.st_size, stat.st_mtime_ns)
    except CorruptFileError as error:
        todo = f"delete {made_again}, and the next run makes it again" if made_again else _RESTORE
        raise CorruptFileError(f"{error}: it was changed or damaged; {todo}.") from None


@cache
def _compare(path: Path, size: int, changed: int) -> None:
    try:
        seal = json.loads(seal_of(path).read_bytes())
        schema, version = seal["schema"], seal.get("version")
        digest, expected = seal["sha256"], seal["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        raise CorruptFileError(f"{path} has no readable seal ({seal_of(path).name})") from None
    if schema != SCHEMA:
        raise StateError(f"{path} has schema {schema}; this version of queryloop reads schema {SCHEMA}.")
    if version != _version_of(path):
        raise CorruptFileError(f"{path} is not what was written, but a copy of version {version}")
    if size != expected:
        raise CorruptFileError(f"{path} is not what was written ({size} bytes, {expected} expected)")
    if digest_of(path, size, changed) != digest:
        raise CorruptFileError(f"{path} is not what was written (its SHA-256 is another one)")


@cache
def digest_of(path: Path, size: int, changed: int) -> str:  # noqa: ARG001
    """SHA-256 of a file, remembered for its size and time of change."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
