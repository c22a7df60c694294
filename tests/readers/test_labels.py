from __future__ import annotations

import logging
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from queryloop.errors import BrokenFileError
from queryloop.readers.listing import inside

from .formats import noise
from .photographs import read_folder, rows, save, write_class_folders, write_table
from .reading import pixels


def test_table_says_classes_and_order_is_that_of_the_ids(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_table(tmp_path, "file,label\nc.png,x\na.png,y\nb.png,x\n")
    (tmp_path / "notes.txt").write_text("?")
    with caplog.at_level(logging.INFO):
        images = read_folder(tmp_path)
    assert rows(images) == [["a.png", "y", "train"], ["b.png", "x", "train"], ["c.png", "x", "train"]]
    np.testing.assert_array_equal(pixels(images), [noise(5, 4, 3, seed=seed) for seed in range(3)])
    assert "left out: 1 images without label, 1 files that are no images, 0 hidden" in caplog.text


@pytest.mark.parametrize(
    "header", ["file,label", "Filename,Class", "image_id,target", "Image,Species", "x,File Path,y,label"]
)
def test_columns_are_found_by_common_names(tmp_path: Path, header: str) -> None:
    row = "1,{},2,{}" if header.startswith("x") else "{},{}"
    write_table(tmp_path, "\n".join([header, row.format("a.png", "x"), row.format("b.png", "y")]))
    assert [row[:2] for row in rows(read_folder(tmp_path))] == [["a.png", "x"], ["b.png", "y"]]


def test_column_of_splits_says_the_splits(tmp_path: Path) -> None:
    write_table(tmp_path, "file,label,split\na.png,x,train\nb.png,y,Test\nc.png,x,val\nd.png,y,test\n")
    assert [row[2] for row in rows(read_folder(tmp_path))] == ["train", "test", "train", "test"]


READ: dict[str, str | bytes] = {
    "byte order mark": b"\xef\xbb\xbffile,label\na.png,x\nb.png,y\n",
    "Windows lines": "file,label\r\na.png,x\r\nb.png,y\r\n",
    "quotes": 'file,label\n"a.png","x"\n"b.png",y',
    "blanks": " file , label \n a.png , x \n\n\nb.png,y\n,\n",
    "a blank line first": "\r\nfile;label\r\na.png;x\r\nb.png;y\r\n",
    "commas in the name of a column": "file;label;1, 2, 3\na.png;x;?\nb.png;y;?\n",
    "the delimiter's own line": "sep=;\r\nfile;label\r\na.png;x\r\nb.png;y\r\n",
    "folders": "file,label\n./a.png,x\nsub/../b.png,y\n".replace("sub/../", ".//"),
}


@pytest.mark.parametrize("case", READ)
def test_table_is_read_however_it_was_saved(tmp_path: Path, case: str) -> None:
    write_table(tmp_path, READ[case])
    assert [row[:2] for row in rows(read_folder(tmp_path))] == [["a.png", "x"], ["b.png", "y"]]


@pytest.mark.parametrize("name", ["sub/e.png", r"sub\e.png"])
def test_both_separators_lead_to_the_same_file(tmp_path: Path, name: str) -> None:
    save(tmp_path / "sub" / "e.png", noise(5, 4, 3))
    write_table(tmp_path, f"file,label\na.png,x\n{name},y\n")
    assert rows(read_folder(tmp_path))[1][0] == "sub/e.png"


def test_umlauts_of_macos_are_those_of_the_table(tmp_path: Path) -> None:
    save(tmp_path / "sub" / unicodedata.normalize("NFD", "\u00e4.png"), noise(5, 4, 3))
    write_table(tmp_path, "file,label\n./sub/\u00e4.png,x\na.png,y\n")
    assert rows(read_folder(tmp_path))[1][0] == unicodedata.normalize("NFD", "sub/\u00e4.png")


def test_of_two_files_that_differ_in_their_umlauts_alone_each_has_its_row(tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "ä.png") for form in ("NFC", "NFD")]
    write_table(tmp_path, f"file,label\n{names[0]},cat\n{names[1]},dog\n")
    for seed, name in enumerate(names):
        save(tmp_path / name, noise(5, 4, 3, seed=seed))
    assert {(name, label) for name, label, _ in rows(read_folder(tmp_path))} == {
        (names[0], "cat"),
        (names[1], "dog"),
    }


def test_labels_stay_text(tmp_path: Path) -> None:
    write_table(tmp_path, "file,label\na.png,01\nb.png,1.0\nc.png,NA\nd.png,é\n")
    assert [row[1] for row in rows(read_folder(tmp_path))] == ["01", "1.0", "NA", "é"]


def test_labels_csv_stands_before_other_tables_and_folders(tmp_path: Path) -> None:
    for i, name in enumerate(("one/a.png", "two/b.png")):
        save(tmp_path / name, noise(5, 4, 3, seed=i))
    write_table(tmp_path, "file,label\none/a.png,x\ntwo/b.png,y\n")
    (tmp_path / "other.csv").write_text("file,label\n")
    assert [row[1] for row in rows(read_folder(tmp_path))] == ["x", "y"]


@pytest.mark.parametrize("folders", [["images"], ["train", "test"]])
def test_only_table_is_taken_whatever_its_name(tmp_path: Path, folders: list[str]) -> None:
    names = [f"{folder}/{i}.png" for folder in folders for i in range(2)]
    for i, name in enumerate(names):
        save(tmp_path / name, noise(5, 4, 3, seed=i))
    lines = [f"{name},{i % 2}" for i, name in enumerate(names)]
    (tmp_path / "Train.CSV").write_text("\n".join(["image_id,label", *lines]))
    assert [row[0] for row in rows(read_folder(tmp_path))] == sorted(names)


def test_lines_may_end_as_on_the_old_macintosh(tmp_path: Path) -> None:
    write_table(tmp_path, "file,label\ra.png,x\rb.png,y\r")
    assert [row[:2] for row in rows(read_folder(tmp_path))] == [["a.png", "x"], ["b.png", "y"]]


BROKEN: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", ["is empty"]),
    "blank": ("\n\n", ["no records"]),
    "no records": ("file,label\n", ["no records"]),
    "missing files": (
        "file,label\na.png,x\ne.png,y\nf.png,y\n",
        ["2 of 3 rows", "'e.png' (line 3), 'f.png' (line 4)", "endings", "data.on_error:skip"],
    ),
    "spreadsheet": (b"PK\x03\x04\x14\0", ["file of a spreadsheet", "save it as CSV"]),
    "old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1", ["file of a spreadsheet", "save it as CSV"]),
    "other case and ending": (
        "file,label\na.png,x\nsub/B.JPG,y\n",
        ["By 'sub/B.JPG', did you mean 'b.png'?"],
    ),
    "no image": ("file,label\na.png,x\nlabels.csv,y\n", ["1 of 2 rows", "'labels.csv' (line 3)"]),
    "empty name": ("file,label\n,x\nb.png,y\n", ["line 2", "name is empty", "give one"]),
    "duplicate": ("file,label\na.png,x\nb.png,y\n./a.png,y\n", ["line 4", "'a.png'", "line 2: delete"]),
    "empty label": ("file,label\na.png,x\nb.png, \n", ["line 3", "label is empty"]),
    "short row": ("file,label\na.png,x\nb.png\n", ["line 3", "1 fields", "header has 2"]),
    "long row": ("file,label\na.png,x,z\n", ["line 2", "3 fields", "holds ',' in quotes"]),
    "open quote": ('file,label\na.png,"x\nb.png,y\nc.png,y\n', ["line 2 is no CSV"]),
    "no file column": ("name,label\na.png,x\n", ["line 1", "file names", "filename", "'name'"]),
    "no label column": ("file,kind\na.png,x\n", ["line 1", "labels", "species", "'kind'"]),
    "two label columns": ("file,Label,class\na.png,x,y\n", ["line 1", "'Label', 'class'", "rename"]),
    "unknown split": ("file,label,split\na.png,x,tset\n", ["line 2", "'tset'", "'test'"]),
    "one class": ("file,label\na.png,x\nb.png,x\n", ["one class (x)"]),
    "one class of some": (
        "file,label,split\na.png,,train\nb.png,,train\nc.png,x,test\n",
        ["1 of 3 images have a label", "one class (x)"],
    ),
    "no class": (
        "file,label,split\na.png,,train\nb.png,,train\nc.png,,train\n",
        ["none of 3 images has a label", "for people to label"],
    ),
    "return in a line": ("file,la\rbel\na.png,x\n", ["line 1 is no CSV"]),
    "endless name": (f"file,{'l' * 140_000}\na.png,x\n", ["line 1 is no CSV", "field limit"]),
    "up": ("file,label\n../secret.png,x\n", ["line 2", "leads out", "path below this folder"]),
    "up and down": ("file,label\nsub/../a.png,x\n", ["line 2", "leads out"]),
    "up in Windows": ("file,label\n..\\secret.png,x\n", ["line 2", "leads out"]),
    "absolute": (
        "file,label\n/etc/passwd,x\n",
        ["line 2", "'/etc/passwd' is an absolute path", "below this folder"],
    ),
    "drive": ("file,label\nC:\\a.png,x\n", ["line 2", "absolute path"]),
    "NUL": (b"file,label\na.png\0,x\n", ["line 2", "leads out"]),
    "Latin-1": ("file,label\na.png,x\nb.png,é\n".encode("latin1"), ["line 3", "byte 25 (0xe9)", "UTF-8"]),
    "UTF-16 without a mark": ("file,label\na.png,x\n".encode("utf-16-le"), ["line 1", "UTF-16", "in UTF-8"]),
    "UTF-16": ("file,label\na.png,x\n".encode("utf-16"), ["line 1", "byte 0 (0xff)", "UTF-8"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_table_is_refused_with_its_line(tmp_path: Path, case: str) -> None:
    content, told = BROKEN[case]
    root = tmp_path / "images"
    save(tmp_path / "secret.png", noise(5, 4, 3))
    path = write_table(root, content)
    with pytest.raises(BrokenFileError) as caught:
        read_folder(root)
    for fragment in [str(path), *told]:
        assert fragment in str(caught.value)


def test_rows_without_their_image_can_be_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_table(tmp_path, "file,label\nx.png,1\na.png,1\ny.png,2\nb.png,2\n")
    images = read_folder(tmp_path, on_error="skip")
    assert [row[:2] for row in rows(images)] == [["a.png", "1"], ["b.png", "2"]]
    assert "2 of 4 rows name no image" in caplog.text
    assert "'x.png' (line 2), 'y.png' (line 4). They are left out" in caplog.text
    np.testing.assert_array_equal(pixels(images), [noise(5, 4, 3, seed=seed) for seed in range(2)])


def test_a_class_is_one_however_its_letters_are_composed(tmp_path: Path) -> None:
    write_table(tmp_path, "file,label\na.png,caf\u00e9\nb.png,cafe\u0301\nc.png,x\n")
    assert {row[1] for row in rows(read_folder(tmp_path))} == {"caf\u00e9", "x"}
    write_class_folders(tmp_path / "more" / "train", ["caf\u00e9", "x"])
    write_class_folders(tmp_path / "more" / "test", ["cafe\u0301", "x"])
    assert {row[1] for row in rows(read_folder(tmp_path / "more"))} == {"caf\u00e9", "x"}


def test_classes_that_differ_in_case_only_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_table(tmp_path, "file,label\na.png,cat\nb.png,Cat\nc.png,dog\n")
    read_folder(tmp_path)
    assert "Cat, cat are taken for different classes" in caplog.text


def test_of_many_rows_without_their_image_each_has_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_table(tmp_path, "file,label\na.png,1\nb.png,2\n" + "".join(f"x{i}.png,1\n" for i in range(7)))
    with caplog.at_level(logging.INFO):
        read_folder(tmp_path, on_error="skip")
    lines = [record.getMessage() for record in caplog.records]
    assert lines[:7] == [f"'x{i}.png' (line {4 + i})" for i in range(7)]
    assert "and 2 more" in lines[7]


@pytest.mark.parametrize("unreadable", [[], ["c.png"]])
def test_class_is_not_left_out_as_a_whole(tmp_path: Path, unreadable: list[str]) -> None:
    lines = ["a.png,1", "b.png,2", "x.png,3", *(f"{name},3" for name in unreadable)]
    write_table(tmp_path, "\n".join(["file,label", *lines]))
    for name in unreadable:
        (tmp_path / name).write_bytes(b"<html>")
    with pytest.raises(BrokenFileError, match=r"of 1 of 3 classes: 3\."):
        read_folder(tmp_path, on_error="skip")


def test_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "images"
    save(tmp_path / "outside" / "secret.png", noise(5, 4, 3))
    write_table(root, "file,label\na.png,x\nb.png,y\n")
    (root / "b.png").unlink()
    (root / "b.png").symlink_to(tmp_path / "outside" / "secret.png")
    with pytest.raises(BrokenFileError, match=r"'b\.png' leads out of this folder"):
        read_folder(root)


@pytest.mark.parametrize("name", ["link/secret.png", "link", "a/../../x", "\0"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    root = tmp_path / "images"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(BrokenFileError, match="leads out of this folder"):
        inside(root, name)


@pytest.mark.parametrize("name", ["a.png", "link"])
def test_a_path_from_the_root_is_to_be_relative_even_inside(tmp_path: Path, name: str) -> None:
    for absolute in (str(tmp_path / name), "//host/x", "c:x", "C:\\a.png"):
        with pytest.raises(BrokenFileError, match="is an absolute path: name files by their paths below"):
            inside(tmp_path, absolute)


@pytest.mark.parametrize(("name", "found"), [("a/b", "a/b"), ("./a//b", "a/b"), (r"a\b", "a/b"), ("é", "é")])
def test_name_inside_becomes_an_id(tmp_path: Path, name: str, found: str) -> None:
    assert inside(tmp_path, name) == found
