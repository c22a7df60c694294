from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from queryloop.errors import StateError
from queryloop.storage import state
from queryloop.storage.experiment import VERSION, committed
from queryloop.storage.files import seal_of, whole_file

from .experiment import SCHEMAS, V1, V2, V3, folders, save

SETTINGS = {"seed": 1, "model": {"name": "mlp", "width": 8}}


def content(home: Path) -> set[str]:
    return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()} - {
        "lock",
        "lock.json",
    }


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("2026-01-02T00.00.00.000Z", "2026-01-02T00.00.00.000Z"),
        (V1, "2026-01-01T00.00.00.001Z"),
        ("2025-12-31T23.59.59.999Z", "2026-01-01T00.00.00.001Z"),
        ("1970-01-01T00.00.00.000Z", "2026-01-01T00.00.00.001Z"),
    ],
)
def test_a_new_version_is_above_the_last_one_whatever_the_clock_says(
    home: Path, monkeypatch: pytest.MonkeyPatch, clock: str, expected: str
) -> None:
    monkeypatch.setattr(state, "generate_timestamp", lambda: clock)
    save(home, V1, *SCHEMAS)
    assert state.next_version(folders(home)) == expected


def test_versions_rise_while_the_clock_stands_still_at_the_end_of_a_year(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "generate_timestamp", lambda: "2026-12-31T23.59.59.999Z")
    versions = []
    for _ in range(4):
        versions.append(state.next_version(folders(home)))
        save(home, versions[-1], *SCHEMAS)
    assert all(VERSION.fullmatch(version) for version in versions)
    assert versions == sorted(set(versions)) == committed(home)


@pytest.mark.parametrize("left", [["pool_index"], ["pool_index", "query"]])
def test_what_was_never_committed_is_removed_and_nothing_else(home: Path, left: list[str]) -> None:
    save(home, V1, *SCHEMAS)
    before = content(home)
    save(home, V2, *left)
    (home / "labeled_index.parquet" / V2).mkdir()
    (home / "query.parquet" / ".query.parquet.0a1b2c3d.tmp").touch()
    (home / "timings.parquet").mkdir()
    for name in ("000001", "000002 (copy)"):
        (home / "timings.parquet" / f"{name}.parquet").touch()
    before |= {f"timings.parquet/{name}.parquet" for name in ("000001", "000002 (copy)")}
    state.remove_leftovers(home, folders(home), home / "timings.parquet")
    assert content(home) == before
    assert not [*home.glob(f"*/{V2}")]


def test_leftovers_before_the_first_commit_are_removed(home: Path) -> None:
    save(home, V1, "query")
    state.remove_leftovers(home, folders(home), home / "timings.parquet")
    assert content(home) == set()


def _lose_query(home: Path) -> None:
    (home / "query.parquet" / V1 / "query.parquet").unlink()


def _lose_last_mark(home: Path) -> None:
    (home / "labeled_index.parquet" / V2 / "labeled_index.parquet").unlink()
    save(home, V3, "query")


def _lose_first_mark(home: Path) -> None:
    (home / "labeled_index.parquet" / V1 / "labeled_index.parquet").unlink()


def _lose_all_marks(home: Path) -> None:
    for version in (V1, V2):
        (home / "labeled_index.parquet" / version / "labeled_index.parquet").unlink()


def _lose_the_newest_mark(home: Path) -> None:
    (home / "timings.parquet").mkdir()
    (home / "timings.parquet" / "000002.parquet").touch()
    (home / "labeled_index.parquet" / V2 / "labeled_index.parquet").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_lose_query, f"lacks version {V1}, which is committed"),
        (_lose_last_mark, f"no labelled set for {V2}, {V3}"),
        (_lose_first_mark, f"no labelled set for {V1}"),
        (_lose_all_marks, f"no labelled set for {V1}, {V2}"),
        (_lose_the_newest_mark, "labelled sets of 1 cycles, although 2 are committed"),
    ],
)
def test_a_lost_part_is_an_error_and_nothing_is_removed(
    home: Path, damage: Callable[[Path], None], said: str
) -> None:
    save(home, V1, *SCHEMAS)
    save(home, V2, *SCHEMAS)
    damage(home)
    before = content(home)
    with pytest.raises(StateError, match=said):
        state.remove_leftovers(home, folders(home), home / "timings.parquet")
    assert content(home) == before


def begun(home: Path) -> list[Path]:
    """Record settings, and save what is made from them: a file and a folder of files."""
    state.record_settings(home, SETTINGS, [])
    made = [home / "splits.parquet", home / "answers.parquet"]
    for path in (made[0], made[1] / "000001.parquet"):
        with whole_file(path) as file:
            file.write(b"content")
    return made


def test_the_same_settings_change_nothing(home: Path) -> None:
    made = begun(home)
    before = content(home)
    state.record_settings(home, SETTINGS, made)
    assert content(home) == before
    assert state.read_settings(home) == SETTINGS


def test_other_settings_before_the_first_commit_remove_what_the_old_ones_made(home: Path) -> None:
    made = begun(home)
    state.record_settings(home, SETTINGS | {"seed": 2}, made)
    assert state.read_settings(home) == SETTINGS | {"seed": 2}
    assert content(home) == {"settings.json", seal_of(Path("settings.json")).name}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 2}, "seed: 1 -> 2"),
        ({"model": {"name": "cnn", "width": 8}}, "model.name: mlp -> cnn"),
        ({"model": {"name": "mlp"}}, "model.width: 8 -> None"),
        ({"new": True}, "new: None -> True"),
    ],
)
def test_other_settings_after_the_first_commit_are_refused_with_the_difference(
    home: Path, change: dict[str, object], said: str
) -> None:
    made = begun(home)
    save(home, V1, *SCHEMAS)
    before = content(home)
    with pytest.raises(StateError, match=rf"1 cycles made with other settings \({said}\).*experiment:second"):
        state.record_settings(home, SETTINGS | change, made)
    assert content(home) == before
    assert state.read_settings(home) == SETTINGS


def test_changed_source_files_are_named_as_such(home: Path) -> None:
    made = begun(home)
    save(home, V1, *SCHEMAS)
    with pytest.raises(
        StateError, match=r"samples: None -> 0a1b\)\. `samples` changes with the source files"
    ):
        state.record_settings(home, SETTINGS | {"samples": "0a1b"}, made)


def test_changed_threads_are_named_as_they_are_typed(home: Path) -> None:
    one, two = ({"computing": {"threads": n}} for n in (1, 2))
    state.record_settings(home, one, [])
    with pytest.raises(StateError, match=r"with --params=training\.threads:1\."):
        state.check_settings(home, two)


@pytest.mark.parametrize(
    ("precision", "scoring", "asked"), [("32", "32", "32"), ("bf16", "32", "mixed"), ("bf16", "bf16", "bf16")]
)
def test_a_changed_precision_is_named_as_it_is_typed(
    home: Path, precision: str, scoring: str, asked: str
) -> None:
    begun_with, *others = (
        {"computing": {"precision": p, "scoring_precision": s}}
        for p, s in [(precision, scoring), ("32", "32"), ("bf16", "32"), ("bf16", "bf16")]
    )
    state.record_settings(home, begun_with, [])
    for other in others:
        if other != begun_with:
            with pytest.raises(
                StateError, match=f"is set with --params=training.precision:{asked}\\."
            ) as told:
                state.check_settings(home, other)
            assert str(told.value).count("is set with") == 1


def test_settings_that_were_lost_after_a_commit_are_not_made_up_anew(home: Path) -> None:
    made = begun(home)
    save(home, V1, *SCHEMAS)
    (home / "settings.json").unlink()
    before = content(home)
    with pytest.raises(StateError, match=r"settings\.json is missing, although cycles or answers are there"):
        state.record_settings(home, SETTINGS, made)
    assert content(home) == before


def test_each_damaged_file_is_told(home: Path) -> None:
    save(home, V1, *SCHEMAS)
    save(home, V2, *SCHEMAS)
    assert state.damaged(home) == (6, [])
    changed, lost = (home / "query.parquet" / version / "query.parquet" for version in (V1, V2))
    changed.write_bytes(b"?")
    lost.unlink()
    n_files, problems = state.damaged(home)
    assert n_files == 6
    assert [str(changed) in problems[0], str(lost) in problems[1], len(problems)] == [True, True, 2]


def test_an_interrupted_write_is_no_damage(home: Path) -> None:
    save(home, V1, *SCHEMAS)
    lost = home / "query.parquet" / V1 / "query.parquet"
    lost.rename(lost.with_name(".query.parquet.0a1b2c3d.tmp"))
    assert state.damaged(home) == (3, [])
