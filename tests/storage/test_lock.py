from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from queryloop.errors import LockedError, StateError
from queryloop.storage import lock

from .processes import STAY, running

HOLDING = "from queryloop.storage.lock import locked\nwith locked(Path({!r})):\n    {}"


def test_a_second_process_is_refused_by_the_name_of_the_first(tmp_path: Path) -> None:
    with running(HOLDING.format(str(tmp_path), STAY)) as first:
        said = f"process {first.pid} on {socket.gethostname()}"
        with pytest.raises(LockedError, match=said), lock.locked(tmp_path):
            pass
        assert lock.holder(tmp_path)["pid"] == first.pid


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with running(HOLDING.format(str(tmp_path), STAY)) as first:
        first.kill()
        first.wait()
        assert lock.holder(tmp_path) is None
        with lock.locked(tmp_path):
            assert lock.holder(tmp_path)["pid"] == os.getpid()
    assert lock.holder(tmp_path) is None


def test_what_a_kill_leaves_is_not_believed_wherever_it_was(tmp_path: Path) -> None:
    with lock.locked(tmp_path):
        left = json.loads((tmp_path / "lock.json").read_text())
    for who in ({**left, "host": "another"}, left):  # the host of a container, and a number given again
        (tmp_path / "lock.json").write_text(json.dumps(who))
        assert lock.holder(tmp_path) is None


def test_who_only_looks_refuses_nobody(tmp_path: Path) -> None:
    with lock.locked(tmp_path):
        pass
    with (tmp_path / "lock").open("rb") as looking, ThreadPoolExecutor() as pool:
        fcntl.flock(looking, fcntl.LOCK_SH)
        pool.submit(lambda: time.sleep(0.05) or fcntl.flock(looking, fcntl.LOCK_UN))
        with lock.locked(tmp_path):
            lock.require(tmp_path)


def test_of_processes_at_once_one_wins(tmp_path: Path) -> None:
    holding = HOLDING.format(str(tmp_path), STAY)
    racing = f"""
from queryloop.errors import LockedError
print('ready', flush=True); sys.stdin.readline()
try:
    exec({holding!r})
except LockedError:
    print('refused', flush=True)"""
    with ExitStack() as stack:
        racers = [stack.enter_context(running(racing)) for _ in range(4)]
        for racer in racers:
            racer.stdin.write("go\n")
            racer.stdin.flush()
        assert sorted(racer.stdout.readline() for racer in racers) == ["here\n", *["refused\n"] * 3]


def test_writing_needs_the_lock_of_this_very_experiment(tmp_path: Path) -> None:
    with lock.locked(tmp_path / "one"):
        lock.require(tmp_path / "one")
        with pytest.raises(StateError, match="written only by its own run"):
            lock.require(tmp_path / "two")
    with pytest.raises(StateError):
        lock.require(tmp_path / "one")


def test_an_error_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock.locked(tmp_path):
        raise ZeroDivisionError
    with lock.locked(tmp_path):
        lock.require(tmp_path)


def test_a_file_system_without_hard_links_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: str) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    with (
        pytest.raises(StateError, match=r"Operation not permitted\. .* hard links"),
        lock.locked(tmp_path / "home"),
    ):
        pass
    assert [*(tmp_path / "home").iterdir()] == []


def test_a_full_disk_hides_the_holder_but_not_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", refuse)
    with lock.locked(tmp_path):
        lock.require(tmp_path)
        assert lock.holder(tmp_path) is None
    with lock.locked(tmp_path):
        lock.require(tmp_path)
