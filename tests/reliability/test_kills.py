"""A process killed at any operation on a file, and the same command again, ends as if undisturbed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Undisturbed
from .trials import Trial, al_cycle, contents, position, recovered, run_all, sample

Copy = Callable[[Undisturbed, object], Path]


def killed_at(numbers: list[int], begin: Undisturbed, n_cycles: int, copy: Copy) -> list[Path]:
    """A project for each number, in which the command was killed there; what was committed is intact."""
    projects = [copy(begin, number) for number in numbers]
    command = al_cycle(n_cycles)
    ended = run_all(Trial(p, [command], at) for p, at in zip(projects, numbers, strict=True))
    assert {end.code for end in ended} == {-9}
    assert all(begin.contents.items() <= contents(project).items() for project in projects)
    return projects


@pytest.mark.slow
@pytest.mark.parametrize(("before", "n_cycles", "n"), [(0, 2, 8), (1, 2, 12)], ids=["begin", "go on"])
def test_a_kill_at_any_operation_changes_no_result(
    undisturbed: list[Undisturbed], copy: Copy, before: int, n_cycles: int, n: int
) -> None:
    begin, end = undisturbed[before], undisturbed[n_cycles]
    operations = Trial(copy(begin, "whole"), [al_cycle(n_cycles)]).run().operations
    projects = killed_at(sample(range(1, len(operations) + 1), n), begin, n_cycles, copy)
    assert recovered(projects, al_cycle(n_cycles), end.contents) == []


@pytest.mark.slow
def test_a_kill_while_recovering_from_a_kill_changes_no_result(
    undisturbed: list[Undisturbed], copy: Copy
) -> None:
    one, two = undisturbed[1:3]
    (broken,) = killed_at([position(two.operations, "os.link", "/labeled_index.parquet/")], one, 2, copy)
    left = Undisturbed(broken, [], one.contents)
    recovering = Trial(copy(left, "recovering"), [al_cycle(2)]).run().operations
    removals = [i for i, said in enumerate(recovering, 1) if said.startswith("os.rmdir")]
    assert len(removals) >= 8
    projects = killed_at(sample(range(1, removals[-1] + 2), 5), left, 2, copy)
    assert recovered(projects, al_cycle(2), two.contents) == []


@pytest.mark.slow
def test_a_kill_with_control_samples_changes_no_result(undisturbed: list[Undisturbed], copy: Copy) -> None:
    command = al_cycle(2, ",query.control_share:0.2")
    end = copy(undisturbed[0], "end")
    operations = Trial(end, [command]).run().operations
    links = [i for i, said in enumerate(operations, 1) if "os.link" in said and "/query.parquet/" in said]
    assert len(links) == 2
    projects = [copy(undisturbed[0], number) for number in links]
    killed = run_all(Trial(p, [command], at + 1) for p, at in zip(projects, links, strict=True))
    assert [each.code for each in killed] == [-9, -9]
    assert recovered(projects, command, contents(end)) == []


def test_a_kill_between_the_next_query_and_the_commit_loses_no_query(
    undisturbed: list[Undisturbed], copy: Copy
) -> None:
    one, two = undisturbed[1:3]
    after_query = position(two.operations, "os.link", "/query.parquet/") + 1
    commit = position(two.operations, "os.link", "/labeled_index.parquet/")
    assert after_query < commit
    projects = killed_at([after_query, commit], one, 2, copy)
    assert recovered(projects, al_cycle(2), two.contents) == []
