from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any

import pytest

from queryloop.errors import CorruptFileError, MissingFilesError, StateError
from queryloop.storage import files
from queryloop.storage.files import (
    TEMPORARY,
    check_seal,
    remove_abandoned,
    replace_file,
    seal_of,
    sealed_by,
    whole_file,
)

from .processes import STAY, output, running

WRITING = "from queryloop.storage.files import whole_file\nwith whole_file(Path({!r})) as file:\n    {}"


def write(path: Path, data: bytes = b"content") -> Path:
    with whole_file(path) as file:
        file.write(data)
    return path


def listed(folder: Path) -> set[Path]:
    return {*folder.iterdir()}


def test_a_file_appears_with_its_seal_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path / "new" / "folder" / "a.bin")
    assert path.read_bytes() == b"content"
    assert listed(path.parent) == {path, seal_of(path)}
    assert sealed_by(seal_of(path)) == path
    check_seal(path)


@pytest.mark.parametrize("parts", [[], [b""], [b"one"], [b"one", memoryview(b"two")], [b"x" * 100_000] * 3])
def test_a_seal_holds_schema_size_and_hash(tmp_path: Path, parts: list[bytes]) -> None:
    with whole_file(tmp_path / "a.bin") as file:
        for part in parts:
            file.write(part)
    data = b"".join(parts)
    digest = hashlib.sha256(data).hexdigest()
    expected = {"schema": 2, "version": None, "sha256": digest, "bytes": len(data)}
    assert json.loads(seal_of(tmp_path / "a.bin").read_text()) == expected


def test_an_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "a.bin") as file:
        file.write(b"half" * (1 // 0))
    assert listed(tmp_path) == set()


def test_an_error_of_our_own_keeps_its_words(tmp_path: Path) -> None:
    """MissingFilesError is an OSError, too, and says nothing of the disk that is written to."""
    with pytest.raises(MissingFilesError, match="get them"), whole_file(tmp_path / "a.bin"):
        raise MissingFilesError("get them")
    assert listed(tmp_path) == set()


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin", b"first")
    with pytest.raises(FileExistsError):
        write(path, b"second")
    assert path.read_bytes() == b"first"
    assert listed(tmp_path) == {path, seal_of(path)}
    check_seal(path)


def test_of_writers_at_once_one_wins_with_its_own_seal(tmp_path: Path) -> None:
    start = Barrier(4)

    def race(path: Path, data: bytes) -> bool:
        start.wait()
        try:
            write(path, data)
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        for i in range(25):
            path = tmp_path / f"{i}.bin"
            won = list(pool.map(race, [path] * 4, [bytes([n]) * (n + 1) for n in range(4)]))
            assert sum(won) == 1
            assert path.read_bytes()[0] == won.index(True)
            check_seal(path)
    assert len(listed(tmp_path)) == 50


def test_temporary_files_of_the_living_stay_and_of_the_dead_go(tmp_path: Path) -> None:
    with running(WRITING.format(str(tmp_path / "a.bin"), f"file.write(b'half'); {STAY}")) as writer:
        write(tmp_path / "b.bin")
        assert len([*tmp_path.glob(TEMPORARY)]) == 1
        writer.kill()
        writer.wait()
    assert len([*tmp_path.glob(TEMPORARY)]) == 1
    write(tmp_path / "c.bin")
    assert [*tmp_path.glob(TEMPORARY)] == []


def test_a_seal_whose_writer_died_before_the_link_goes_with_its_temporary_file(tmp_path: Path) -> None:
    output("os.link = lambda *_: os.kill(os.getpid(), 9)\n" + WRITING.format(str(tmp_path / "a.bin"), "pass"))
    assert seal_of(tmp_path / "a.bin").exists()
    remove_abandoned(tmp_path.glob(TEMPORARY))
    assert listed(tmp_path) == set()


def test_a_temporary_file_that_outlived_its_link_goes_and_the_file_stays(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin")
    os.link(path, tmp_path / ".a.bin.0a1b2c3d.tmp")
    remove_abandoned(tmp_path.glob(TEMPORARY))
    assert listed(tmp_path) == {path, seal_of(path)}
    check_seal(path)


class Failing:
    """Makes the n-th call of what writing a file needs fail."""

    CALLS = ((os, "open"), (os, "mkdir"), (os, "fsync"), (os, "link"), (files._HashingFile, "write"))

    def __init__(self, monkeypatch: pytest.MonkeyPatch, n: int, number: int) -> None:
        self.left, self._number = n, number
        for owner, name in self.CALLS:
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise OSError(self._number, os.strerror(self._number))
            return call(*arguments, **options)

        return counted


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_a_disk_that_refuses_at_any_call_leaves_nothing_torn(tmp_path: Path, number: int) -> None:
    complaints = []
    for n in count(1):
        path = tmp_path / str(n) / "a.bin"
        with pytest.MonkeyPatch.context() as monkeypatch:
            failing = Failing(monkeypatch, n, number)
            try:
                write(path)
            except StateError as error:
                complaints.append(str(error))
        remove_abandoned(path.parent.glob(TEMPORARY))
        if not path.exists():
            assert not path.parent.exists() or listed(path.parent) == set()
            write(path)
        assert path.read_bytes() == b"content"
        assert listed(path.parent) == {path, seal_of(path)}
        check_seal(path)
        if failing.left > 0:
            break
    assert len(complaints) > 8
    assert all(f"a.bin: {os.strerror(number)}. Nothing of it was kept" in said for said in complaints)


def test_a_file_larger_than_the_kernel_allows_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    program = WRITING.format(str(tmp_path / "a.bin"), "file.write(bytes(10_000_000))")
    guarded = f"try:\n    exec({program!r})\nexcept Exception as error:\n    print(repr(error))"
    assert f"StateError('cannot write {tmp_path / 'a.bin'}: File too large." in output(limit + guarded)
    assert listed(tmp_path) == set()


def test_a_read_only_folder_is_refused() -> None:
    with TemporaryDirectory() as folder, _as_an_ordinary_user(folder):
        Path(folder).chmod(0o500)
        with pytest.raises(StateError, match=r"Permission denied.*make the folder writable"):
            write(Path(folder) / "a.bin")
        assert listed(Path(folder)) == set()


@contextmanager
def _as_an_ordinary_user(folder: str) -> Iterator[None]:
    """Root may write everywhere, so the folder and the test become nobody's."""
    user = os.geteuid()
    if user == 0:
        os.chown(folder, 65534, -1)
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    with pytest.raises(StateError, match="cannot write"):
        write(tmp_path / "folder" / "a.bin")


def _change_a_byte(path: Path) -> None:
    path.write_bytes(b"Content")


def _truncate(path: Path) -> None:
    path.write_bytes(b"conten")


def _seal_with(seal: str) -> Callable[[Path], object]:
    return lambda path: seal_of(path).write_text(seal)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_change_a_byte, "is not what was written.*SHA-256 is another"),
        (_truncate, r"6 bytes, 7 expected"),
        (lambda path: path.unlink(), "is missing"),
        (lambda path: seal_of(path).unlink(), "has no readable seal"),
        (_seal_with(""), "has no readable seal"),
        (_seal_with("[]"), "has no readable seal"),
        (_seal_with('{"schema": 2}'), "has no readable seal"),
    ],
)
def test_damage_is_found(tmp_path: Path, damage: Callable[[Path], object], said: str) -> None:
    path = write(tmp_path / "a.bin")
    damage(path)
    with pytest.raises(CorruptFileError, match=said):
        check_seal(path)


def test_another_version_in_its_place_is_found(tmp_path: Path) -> None:
    first, second = (write(tmp_path / "a.bin" / version / "a.bin") for version in ("1", "2"))
    for written in (first, seal_of(first)):
        shutil.copy(written, second.parent)
    check_seal(first)
    with pytest.raises(CorruptFileError, match="is not what was written, but a copy of version 1: it was"):
        check_seal(second)


def test_another_schema_is_refused_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin")
    _seal_with('{"schema": 1, "sha256": "", "bytes": 7}')(path)
    with pytest.raises(StateError, match="has schema 1; this version of queryloop reads schema 2"):
        check_seal(path)


def test_a_change_after_the_first_check_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bin")
    check_seal(path)
    _change_a_byte(path)
    os.utime(path, ns=(0, 0))
    with pytest.raises(CorruptFileError):
        check_seal(path)


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "new" / "page.html"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[fails], full)
    with pytest.raises(StateError, match="No space left on device"):
        replace_file(path, b"three")
    assert path.read_bytes() == b"two"
    assert listed(path.parent) == {path}
