"""The folder that nnU-Net works in."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from queryloop.training.nnunet.folder import work_folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _killed_at_work() -> None:
    with work_folder() as folder:
        (folder / "large").touch()
        os.kill(os.getpid(), signal.SIGKILL)


def test_it_is_there_for_the_work_and_gone_after_it(place: Path) -> None:
    with suppress(RuntimeError), work_folder() as folder:
        (folder / "made").touch()
        raise RuntimeError
    assert not list(place.iterdir())


def test_those_of_killed_runs_are_deleted_and_those_of_others_at_work_are_not(place: Path) -> None:
    with work_folder() as first:
        killed = multiprocessing.get_context("fork").Process(target=_killed_at_work)
        killed.start()
        killed.join()
        (left,) = set(place.iterdir()) - {first}
        assert (left / "large").exists()
        with work_folder() as second:
            assert set(place.iterdir()) == {first, second}
