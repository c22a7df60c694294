from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from queryloop.sweeps import running

from .people import PEOPLE
from .tiny import Tiny


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A project in which nothing has run."""
    return Tiny.create(tmp_path / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A project with three committed cycles of entropy, to be read only."""
    tiny = Tiny.create(tmp_path_factory.mktemp("finished") / "project")
    assert tiny.run("strategy:entropy,n_cycles:3").exit_code == 0
    return tiny


@pytest.fixture
def begun(finished: Tiny, tmp_path: Path) -> Tiny:
    """A copy of the finished project, to be changed."""
    return Tiny(shutil.copytree(finished.folder, tmp_path / "project"))


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a process would be started."""
    monkeypatch.setattr(running, "Worker", None)


@pytest.fixture(scope="session")
def waiting_project(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    tiny = Tiny.create(tmp_path_factory.mktemp("waiting") / "project")
    result = tiny.run(PEOPLE)
    assert result.exit_code == 0, result.output
    return tiny


@pytest.fixture
def waiting(waiting_project: Tiny, tmp_path: Path) -> Tiny:
    """A project whose starting set waits for people, to be changed."""
    return Tiny(shutil.copytree(waiting_project.folder, tmp_path / "project"))
