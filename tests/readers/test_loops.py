"""nnActive's loop files as they lie in a folder: which there are, what they hold, what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.readers.loops import digest, loop_files, read_loop

from .loops import patch, write


def test_loops_are_found_in_their_order_whatever_else_lies_there(tmp_path: Path) -> None:
    write(tmp_path, *([patch(coords=(n, 0, 0))] for n in range(11)))
    for name in ("config.json", "power_bald_000.json", "loop_000.json.bak"):
        (tmp_path / name).write_text("{")
    assert [path.name for path in loop_files(tmp_path)] == [f"loop_{n:03d}.json" for n in range(11)]


def test_a_patch_tells_its_scan_its_corner_and_its_size(tmp_path: Path) -> None:
    write(tmp_path, [patch("a.b.nii.gz", (1, 2, 3), (4, 5, 6)), patch("c.nii", size="whole")])
    first, second = read_loop(tmp_path / "loop_000.json")
    assert (first.case_id, first.coords, first.size) == ("a.b", (1, 2, 3), (4, 5, 6))
    assert (second.case_id, second.coords, second.size) == ("c", (0, 0, 0), "whole")


@pytest.mark.parametrize(
    ("patches", "said"),
    [
        ([patch(size="half")], "patches.0.size"),
        ([{"coords": [0, 0, 0], "size": [1, 1, 1]}], "patches.0.file: Field required"),
        ([patch(coords=(0, 0))], "patches.0.coords"),
        ([], "patches"),
    ],
)
def test_what_is_wrong_in_a_loop_is_named(tmp_path: Path, patches: Any, said: str) -> None:
    path = write(tmp_path, patches) / "loop_000.json"
    with pytest.raises(BrokenFileError, match=rf"loop_000\.json: {said}"):
        read_loop(path)
    path.write_text("{")
    with pytest.raises(BrokenFileError, match=r"loop_000\.json: the file"):
        read_loop(path)


def test_loops_that_are_not_there_are_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(MissingFilesError, match=r"loop_000\.json"):
            loop_files(folder)
    write(tmp_path, *([patch(coords=(n, 0, 0))] for n in range(4)))
    (tmp_path / "loop_002.json").unlink()
    with pytest.raises(BrokenFileError, match=r"loop_002\.json is missing"):
        loop_files(tmp_path)


def test_a_digest_is_of_what_the_files_hold_and_not_of_where_they_lie(tmp_path: Path) -> None:
    loops = [[patch()], [patch(coords=(4, 0, 0))]]
    first, moved = (write(tmp_path / name, *loops) for name in ("a", "b"))
    assert digest(first) == digest(moved)
    write(moved, *reversed(loops))
    assert digest(first) != digest(moved)
    write(moved, *loops, [patch(coords=(8, 0, 0))])
    assert digest(first) != digest(moved)
