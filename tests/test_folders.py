"""Temporary folders, of makers that end well, badly, or are killed."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from queryloop.folders import temporary_folder

PREFIX = ".query [1]."


def _killed_at_work(parent: Path) -> None:
    with temporary_folder(parent, PREFIX) as folder:
        (folder / "large").touch()
        os.kill(os.getpid(), signal.SIGKILL)


def killed(parent: Path) -> None:
    maker = multiprocessing.get_context("fork").Process(target=_killed_at_work, args=(parent,))
    maker.start()
    maker.join()


def test_it_is_there_for_the_work_and_gone_after_it(tmp_path: Path) -> None:
    with suppress(RuntimeError), temporary_folder(tmp_path, PREFIX) as folder:
        (folder / "made").touch()
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_those_of_killed_makers_are_deleted_and_those_of_others_at_work_are_not(tmp_path: Path) -> None:
    with temporary_folder(tmp_path, PREFIX) as first:
        killed(tmp_path)
        (left,) = set(tmp_path.iterdir()) - {first}
        assert (left / "large").exists()
        with temporary_folder(tmp_path, PREFIX) as second:
            assert set(tmp_path.iterdir()) == {first, second}


def test_what_is_called_otherwise_is_left_alone(tmp_path: Path) -> None:
    theirs = {tmp_path / name for name in (".query [1].old", ".query 1.a.unfinished", "a.unfinished")}
    for folder in theirs:
        folder.mkdir()
    with temporary_folder(tmp_path, PREFIX):
        pass
    assert set(tmp_path.iterdir()) == theirs


def test_without_locks_nothing_of_others_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_descriptor: int, _how: int) -> None:
        raise OSError(95, "Operation not supported")

    killed(tmp_path)
    (left,) = tmp_path.iterdir()
    monkeypatch.setattr(fcntl, "flock", refused)
    with temporary_folder(tmp_path, PREFIX) as folder:
        assert set(tmp_path.iterdir()) == {left, folder}
