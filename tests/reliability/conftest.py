from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..projects import make_project
from .trials import Trial, al_cycle, contents


@dataclass(frozen=True)
class Undisturbed:
    """A project with some committed cycles, and how it came to the last one."""

    project: Path
    operations: list[str]
    contents: dict[str, str]


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> Iterator[None]:
    """Processes notice Ctrl-C, also where the tests run in the background of a shell, which turns it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Undisturbed]:
    """An empty project, and the same one after one, two and three cycles that nothing disturbed."""
    steps = [Undisturbed(make_project(tmp_path_factory.mktemp("begin") / "project"), [], {})]
    for n_cycles in (1, 2, 3):
        project = tmp_path_factory.mktemp("after") / str(n_cycles)
        shutil.copytree(steps[-1].project, project)
        ended = Trial(project, [al_cycle(n_cycles)]).run()
        assert ended.code == 0, ended.said
        steps.append(Undisturbed(project, ended.operations, contents(project)))
    return steps


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[Undisturbed, object], Path]:
    """Copies a project into a folder of its own."""

    def make(begin: Undisturbed, name: object) -> Path:
        return Path(shutil.copytree(begin.project, tmp_path / str(name)))

    return make
