from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from queryloop.samples import table
from queryloop.storage.tables import AppendOnlyTable, read_unchanging


def answers(home: Path) -> AppendOnlyTable:
    return AppendOnlyTable(
        path=str(home / "answers.parquet"), schema="answers", part="import_id", experiment={"path": str(home)}
    )


def said(import_id: str, label: str, *ids: str) -> pd.DataFrame:
    new = {"sample_id": ids, "label": label, "annotator": "me", "labeled_at": pd.Timestamp(0, tz="UTC")}
    return table("answers", new | {"seconds": 1.0, "import_id": import_id})


def log(home: Path) -> list[tuple[str, str]]:
    loaded = answers(home).load()
    return list(zip(loaded["sample_id"], loaded["label"], strict=True))


def test_before_the_first_save_it_is_empty(home: Path) -> None:
    assert not answers(home).exists()
    assert answers(home).load().equals(table("answers"))


def test_rows_come_back_in_the_order_of_their_imports(home: Path) -> None:
    answers(home).save(said("000002", "dog", "c", "a"))
    answers(home).save(said("000001", "cat", "b"))
    assert log(home) == [("b", "cat"), ("c", "dog"), ("a", "dog")]


def test_a_relabel_is_a_new_row(home: Path) -> None:
    answers(home).save(said("000001", "cat", "a"))
    answers(home).save(said("000002", "dog", "a"))
    assert log(home) == [("a", "cat"), ("a", "dog")]


def test_a_repeated_import_changes_nothing(home: Path) -> None:
    for label in ("cat", "cat", "dog"):
        answers(home).save(said("000001", label, "a", "b"))
    assert log(home) == [("a", "cat"), ("b", "cat")]


def test_several_imports_in_one_save_are_kept_apart(home: Path) -> None:
    both = pd.concat([said("000002", "dog", "b"), said("000001", "cat", "a")])
    answers(home).save(both)
    answers(home).save(both)
    assert log(home) == [("a", "cat"), ("b", "dog")]


def test_a_save_of_nothing_writes_nothing(home: Path) -> None:
    answers(home).save(table("answers"))
    assert not (home / "answers.parquet").exists()


def test_numbers_sort_as_numbers(tmp_path: Path) -> None:
    timings = AppendOnlyTable(path=str(tmp_path), schema="timings", part="cycle")
    for cycle in (10, 9, 100):
        timings.save(table("timings", [{"cycle": cycle, "stage": "train", "seconds": 0.1}]))
    assert timings.load()["cycle"].tolist() == [9, 10, 100]


def test_a_save_without_the_lock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="written only by its own run"):
        answers(tmp_path).save(said("000001", "cat", "a"))
    assert [*tmp_path.iterdir()] == []


def test_a_damaged_part_is_refused(home: Path) -> None:
    answers(home).save(said("000001", "cat", "a"))
    path = home / "answers.parquet" / "000001.parquet"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DatasetError, match="is not what was written"):
        answers(home).load()


@pytest.fixture
def unchanging(tmp_path: Path) -> Path:
    path = tmp_path / "splits.parquet"
    pd.DataFrame({"sample_id": ["a", "b"], "split": ["train", "test"]}).to_parquet(path)
    return path


def test_what_is_done_to_a_table_stays_with_who_did_it(unchanging: Path) -> None:
    first = read_unchanging(unchanging, "splits")
    first.loc[0, "split"] = "test"
    first["more"] = 1
    first.index = [7, 8]
    again = read_unchanging(unchanging, "splits")
    assert again.to_dict("list") == {"sample_id": ["a", "b"], "split": ["train", "test"]}
    assert again.index.tolist() == [0, 1]


def test_another_file_in_its_place_is_read(unchanging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_unchanging(unchanging, "splits")
    pd.DataFrame({"sample_id": ["c"], "split": ["train"]}).to_parquet(unchanging)
    assert read_unchanging(unchanging, "splits")["sample_id"].tolist() == ["c"]
    monkeypatch.setattr(pd, "read_parquet", None)  # not called again
    assert read_unchanging(unchanging, "splits")["sample_id"].tolist() == ["c"]
