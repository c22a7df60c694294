"""Tables that people fill in: what is read, and what is refused with its line."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from queryloop.errors import BrokenFileError
from queryloop.exchange.answers import check_answers, read_answers
from queryloop.exchange.pictures import write_pictures

KNOWN, ASKED, CLASSES = ["a", "b", "c"], ["a", "b"], ["cat", "dog", "NA"]


def read(path: Path, text: str) -> dict[str, str]:
    path.write_text(text)
    given = read_answers(path)
    check_answers(given, path, KNOWN, ASKED, CLASSES)
    return {sample: answer.label for sample, answer in given.items()}


def test_labels_are_text_and_empty_ones_no_answers(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", "rank,sample_id,label\n1,a,NA\n2,b, \n3,zzz,\n") == {"a": "NA"}
    assert read(tmp_path / "a.csv", "sample_id;label\na;dog\na;dog\nb;cat\n") == {"a": "dog", "b": "cat"}


def test_seconds_are_read_where_they_are_given(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sample_id\tseconds\tlabel\na\t2.5\tcat\nb\t\tdog\n")
    given = read_answers(tmp_path / "a.csv")
    assert given["a"].seconds == 2.5
    assert isnan(given["b"].seconds)


def test_seconds_may_have_a_comma_but_not_be_negative_or_endless(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sample_id;label;seconds\na;cat;2,5\n")
    assert read_answers(tmp_path / "a.csv")["a"].seconds == 2.5
    for wrong in ("-1", "inf", "nan", "1e999"):
        with pytest.raises(BrokenFileError, match=f"line 2: seconds are '{wrong}'"):
            read(tmp_path / "a.csv", f"sample_id,label,seconds\na,cat,{wrong}\n")


def test_seconds_that_may_be_thousands_or_a_fraction_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenFileError, match=r"line 2: seconds are '1,250', .*: write 1250 or 1\.250\."):
        read(tmp_path / "a.csv", "sample_id;label;seconds\na;cat;1,250\n")


def test_spreadsheets_may_leave_out_empty_cells_at_the_end(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", "sample_id,label,seconds\na,cat\nb\n") == {"a": "cat"}


@pytest.mark.parametrize(
    "header", ["sample_id,label,label", "sample_id,label,Label", "sample_id,label,SAMPLE_ID"]
)
def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(BrokenFileError, match="is there twice: leave one of them"):
        read(tmp_path / "a.csv", f"{header}\na,cat,dog\n")


def test_a_table_to_fill_in_is_read_by_spreadsheets(tmp_path: Path) -> None:
    """The mark says that it is UTF-8, and the last cell of each row is filled."""
    query = pd.DataFrame({"sample_id": ["Möwe/1", "b"], "rank": [1, 2]})
    write_pictures(tmp_path / "out", np.zeros((2, 4, 4, 1), np.uint8), query, ["Möwe"])
    text = (tmp_path / "out" / "query.csv").read_bytes().decode()
    assert text.startswith("\ufeffsample_id,rank,label,file\n")
    (tmp_path / "out" / "query.csv").write_text(text.replace(",1,,", ",1,Möwe,"))
    assert read_answers(tmp_path / "out" / "query.csv")["Möwe/1"].label == "Möwe"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "a,cat\nzzz,cat\nyyy,dog",
            ["2 ids are no sample", "zzz (line 3), yyy (line 4)", "Nothing was taken in"],
        ),
        ("a,cat\nc,cat", ["1 ids were never asked for", "c (line 3)"]),
        ("a,bird\nb,cat", ["1 labels are no class", "'bird' (line 2)", "cat, dog, NA"]),
        ("a,CAT\nb,cat", ["'CAT' (line 2). Did you mean 'cat'?"]),
        ("a,cat\nb,cat\na,dog", ["line 4", "'dog', but 'cat' on line 2", "leave one"]),
        ("a,", ["no label is filled in"]),
        ("a,cat,1", ["line 2 has 3 fields"]),
        ('a,"cat', ["is no CSV"]),
        ("", ["no records"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, rows: str, said: list[str]) -> None:
    with pytest.raises(BrokenFileError) as refused:
        read(tmp_path / "a.csv", f"sample_id,label\n{rows}\n")
    for fragment in ("a.csv", *said):
        assert fragment in str(refused.value)


def test_columns_and_numbers_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenFileError, match="no column 'sample_id' among 'sample', 'label'"):
        read(tmp_path / "a.csv", "sample,label\na,cat\n")
    with pytest.raises(BrokenFileError, match="line 2: seconds are 'long'"):
        read(tmp_path / "a.csv", "sample_id,label,seconds\na,cat,long\n")


def test_a_class_may_come_back_in_another_spelling_of_its_letters(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sample_id,label\na,Ka\u0308fer\n", encoding="utf-8")
    assert read_answers(tmp_path / "a.csv")["a"].label == "K\u00e4fer"


def test_seconds_that_were_given_once_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sample_id,label,seconds\na,cat,4\na,cat,\n")
    assert read_answers(tmp_path / "a.csv")["a"].seconds == 4
