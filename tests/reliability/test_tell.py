"""A `tell` killed at any operation on a file, and the same command again, ends as if undisturbed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from ..projects import make_project
from .trials import TINY, Trial, contents, run_all, sample

PEOPLE = f"--params={TINY},oracle.name:people"


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose starting set waits for people, with their answers in answers.csv."""
    project = make_project(tmp_path_factory.mktemp("waiting") / "project")
    ended = Trial(
        project, [["run", "--pipeline=al_cycle", PEOPLE], ["al", "ask", "--out=asked", PEOPLE]]
    ).run()
    assert ended.code == 0, ended.said
    asked = pd.read_csv(project / "asked" / "query.csv", dtype=str)
    asked.assign(label=[str(rank % 10) for rank in range(len(asked))]).to_csv(
        project / "answers.csv", index=False
    )
    return project


@pytest.mark.slow
def test_a_kill_leaves_all_answers_or_none(waiting: Path, tmp_path: Path) -> None:
    tell = ["al", "tell", "answers.csv", PEOPLE]

    def copy(name: object) -> Path:
        return Path(shutil.copytree(waiting, tmp_path / str(name)))

    whole = copy("whole")
    ended = Trial(whole, [tell]).run()
    assert ended.code == 0, ended.said
    before, after = contents(waiting), contents(whole)
    assert len(after) == len(before) + 1

    numbers = sample(range(1, len(ended.operations) + 1), 4)
    projects = [copy(number) for number in numbers]
    killed = list(run_all(Trial(p, [tell], at) for p, at in zip(projects, numbers, strict=True)))
    assert {end.code for end in killed} == {-9}
    assert all(contents(project) in (before, after) for project in projects)

    again = list(run_all(Trial(project, [tell, ["al", "verify", PEOPLE]]) for project in projects))
    assert all(end.code == 0 and " 0 problems" in end.said for end in again), again
    assert all(contents(project) == after for project in projects)
