"""Folders that appear whole or not at all."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from queryloop.errors import OptionsError
from queryloop.exchange.writing import whole_folder


def _write(folder: Path, begun: Event, go_on: Event) -> None:
    with whole_folder(folder) as place:
        (place / "query.csv").write_text("sample_id\n")
        begun.set()
        go_on.wait()


Start = Callable[[Path], tuple[multiprocessing.process.BaseProcess, Event]]


@pytest.fixture
def begin() -> Start:
    """Starts a process that has begun a folder, and waits to be told to finish it."""
    spawning = multiprocessing.get_context("spawn")

    def start(folder: Path) -> tuple[multiprocessing.process.BaseProcess, Event]:
        begun, go_on = spawning.Event(), spawning.Event()
        writer = spawning.Process(target=_write, args=(folder, begun, go_on), daemon=True)
        writer.start()
        assert begun.wait(60)
        return writer, go_on

    return start


def test_what_a_killed_writer_left_is_removed_by_the_next(begin: Start, tmp_path: Path) -> None:
    folder = tmp_path / "query [1]"
    writer, _ = begin(folder)
    writer.kill()
    writer.join()
    assert [path.name for path in tmp_path.iterdir()] != []
    with whole_folder(folder) as place:
        (place / "query.csv").touch()
    assert list(tmp_path.iterdir()) == [folder]


def test_another_writer_that_lives_is_left_alone(begin: Start, tmp_path: Path) -> None:
    writer, go_on = begin(tmp_path / "query")
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "query"):
        _ = 1 / 0
    go_on.set()
    writer.join(60)
    assert writer.exitcode == 0
    assert (tmp_path / "query" / "query.csv").read_text() == "sample_id\n"


def test_hidden_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    theirs = [tmp_path / name for name in (".query.old", ".query2.a.unfinished", "query.a.unfinished")]
    for folder in theirs:
        folder.mkdir()
    with whole_folder(tmp_path / "query"):
        pass
    assert sorted(tmp_path.iterdir()) == sorted([*theirs, tmp_path / "query"])


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "query").mkdir()
    (tmp_path / "query" / "labels.csv").touch()
    with pytest.raises(OptionsError, match="must not be lost"), whole_folder(tmp_path / "query"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["query"]
