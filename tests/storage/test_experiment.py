from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from queryloop.errors import StateError
from queryloop.samples import query
from queryloop.storage.experiment import committed

from .experiment import SCHEMAS, V1, V2, V3, dataset, ids, once, rows, save


@pytest.mark.parametrize("name", SCHEMAS)
def test_before_the_first_commit_a_table_is_empty(home: Path, name: str) -> None:
    save(home, V1, "query", "pool_index")
    loaded = dataset(home, name).load()
    assert loaded.empty
    assert list(loaded.columns) == list(rows(name, []).columns)
    assert committed(home) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_latest_version_is_the_newest_committed_one(home: Path, name: str) -> None:
    for version in (V1, V2):
        save(home, version, *SCHEMAS)
    save(home, V3, "query", "pool_index")
    assert committed(home) == [V1, V2]
    assert ids(dataset(home, name).load()) == [V2]


@pytest.mark.filterwarnings("ignore:Save version")  # of Kedro, for an older version than the last
def test_the_order_of_versions_is_that_of_their_names(home: Path) -> None:
    for version in (V3, V1, V2):
        save(home, version, *SCHEMAS)
    assert committed(home) == [V1, V2, V3]
    assert ids(dataset(home, "query").load()) == [V3]


def test_a_dataset_sees_what_it_has_just_saved_and_no_other_does(home: Path) -> None:
    save(home, V1, *SCHEMAS)
    saving = dataset(home, "query", save=V2)
    saving.save(rows("query", ["new"]))
    assert ids(saving.load()) == ["new"]
    assert ids(dataset(home, "query").load()) == [V1]


def test_a_dataset_that_was_loaded_sees_a_later_commit(home: Path) -> None:
    save(home, V1, *SCHEMAS)
    open_ = [dataset(home, name) for name in SCHEMAS]
    assert [ids(each.load()) for each in open_] == [[V1]] * len(SCHEMAS)
    save(home, V2, *SCHEMAS)
    assert [ids(each.load()) for each in open_] == [[V2]] * len(SCHEMAS)


def test_a_pinned_version_is_loaded_only_if_it_is_committed(home: Path) -> None:
    save(home, V1, *SCHEMAS)
    save(home, V2, *SCHEMAS)
    save(home, V3, "query")
    assert ids(dataset(home, "query", load=V1).load()) == [V1]
    with pytest.raises(DatasetError, match=f"no committed version {V3}"):
        dataset(home, "query", load=V3).load()


@pytest.mark.parametrize("name", ["query", "pool_index"])
def test_a_committed_version_without_its_partner_is_an_error_and_no_fresh_start(
    home: Path, name: str
) -> None:
    save(home, V1, "labeled_index")
    with pytest.raises(DatasetError, match="is missing, although its cycle is committed"):
        dataset(home, name).load()


def test_a_folder_that_is_no_version_is_ignored(home: Path) -> None:
    save(home, V1, *SCHEMAS)
    for odd in ("backup", V1 + " (copy)", ".DS_Store"):
        copy = home / "labeled_index.parquet" / odd / "labeled_index.parquet"
        copy.parent.mkdir()
        copy.touch()
    assert committed(home) == [V1]


def test_a_save_without_the_lock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="written only by its own run"):
        save(tmp_path, V1, "query")
    assert [*tmp_path.iterdir()] == []


def test_a_version_is_saved_once(home: Path) -> None:
    save(home, V1, "query")
    with pytest.raises(DatasetError, match=V1):
        dataset(home, "query", save=V1).save(rows("query", ["other"]))


def test_what_is_written_once_keeps_its_first_content(home: Path) -> None:
    once(home).save(query(["first"]))
    once(home).save(query(["second"]))
    assert ids(once(home).load()) == ["first"]


@pytest.mark.parametrize("path", ["s3://bucket/key", "memory://key", "file:///key"])
def test_a_path_with_a_protocol_is_refused(path: str) -> None:
    with pytest.raises(StateError, match="local file system"):
        once(path)


def test_a_table_with_other_columns_is_refused_and_leaves_nothing(home: Path) -> None:
    with pytest.raises(DatasetError, match="has columns"):
        once(home).save(pd.DataFrame({"sample_id": ["a"]}))
    assert not [*home.glob("*starting_set*")]


def test_a_damaged_version_is_refused(home: Path) -> None:
    save(home, V1, *SCHEMAS)
    path = home / "query.parquet" / V1 / "query.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DatasetError, match="is not what was written"):
        dataset(home, "query").load()
