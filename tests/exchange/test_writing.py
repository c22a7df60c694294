"""Folders that appear whole or not at all."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from pathlib import Path

import pytest

from queryloop.errors import MissingFilesError, OptionsError, StateError
from queryloop.exchange.writing import whole_folder


def _killed_at_work(folder: Path) -> None:
    with whole_folder(folder) as place:
        (place / "query.csv").touch()
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "query"
    writer = multiprocessing.get_context("fork").Process(target=_killed_at_work, args=(folder,))
    writer.start()
    writer.join()
    (left,) = tmp_path.iterdir()
    assert left != folder
    with whole_folder(folder) as place:
        (place / "query.csv").touch()
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "query").mkdir()
    (tmp_path / "query" / "labels.csv").touch()
    with pytest.raises(OptionsError, match="must not be lost"), whole_folder(tmp_path / "query"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["query"]


def test_an_error_of_our_own_keeps_its_words(tmp_path: Path) -> None:
    with pytest.raises(MissingFilesError, match="get them"), whole_folder(tmp_path / "query"):
        raise MissingFilesError("get them")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_on_the_way_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "scan.npy"
    with pytest.raises(StateError, match=re.escape(f"({gone})")), whole_folder(tmp_path / "query"):
        gone.read_bytes()
    assert list(tmp_path.iterdir()) == []
