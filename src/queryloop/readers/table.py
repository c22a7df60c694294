"""A CSV as people and spreadsheets save it: its rows with their lines, and columns by what they hold."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from queryloop.errors import BrokenFileError
from queryloop.readers.content import contents

FILES = frozenset(
    [
        "file",
        "filename",
        "file_name",
        "filepath",
        "file_path",
        "path",
        "image",
        "image_id",
        "image_name",
        "img",
    ]
)
LABELS = frozenset(["label", "label_name", "class", "class_name", "species", "target", "category"])


_NAMES_DELIMITER = "sep="  # what some spreadsheets write before the header, and the delimiter behind it
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How files of Excel and LibreOffice begin, new and old."""


@dataclass(frozen=True)
class Row:
    """One row of a table: where it stands, for errors, and its fields, stripped."""

    place: str
    fields: list[str]


def rows(path: Path, *, may_be_short: bool = False) -> list[Row]:
    """The header and the rows of a table, without the empty ones; fields end with a comma, `;` or a tab.

    may_be_short: rows may lack fields at their end, as spreadsheets save them where these are empty. Raises
    BrokenFileError naming the line that is no CSV, has other fields than the header, or no UTF-8.
    """
    text = _text(path)
    found: list[Row] = []
    line = 1  # where a record begins
    try:
        delimiter = _delimiter(text.lstrip().partition("\n")[0])
        reader = csv.reader(StringIO(text, newline=""), strict=True, delimiter=delimiter)
        for fields in reader:
            line = reader.line_num + 1
            if may_be_short and found:
                fields += [""] * (len(found[0].fields) - len(fields))
            if not found and fields[:1] == [_NAMES_DELIMITER]:
                continue
            row = Row(f"{path}: line {reader.line_num}", [field.strip() for field in fields])
            if found and fields and len(fields) != len(found[0].fields):
                wrong = f"{len(fields)} fields, but the header has {len(found[0].fields)}"
                raise BrokenFileError(
                    f"{row.place} has {wrong}: put a field that holds {delimiter!r} in quotes, and leave a "
                    "missing value empty, not out."
                )
            if any(row.fields):
                found.append(row)
    except csv.Error as error:
        raise BrokenFileError(
            f"{path}: line {line} is no CSV ({error}): check its quotes, or save the table as CSV anew."
        ) from error
    if len(found) < 2:
        raise BrokenFileError(f"{path}: holds no records.")
    return found


def column_of(header: Row, names: Collection[str], meaning: str) -> int | None:
    """The number of the column that has one of these names, or None. Raises BrokenFileError for several."""
    found = [i for i, field in enumerate(header.fields) if _plain(field) in names]
    if len(found) > 1:
        several = ", ".join(repr(header.fields[i]) for i in found)
        raise BrokenFileError(
            f"{header.place}: the columns {several} could all hold the {meaning}: rename all but one."
        )
    return found[0] if found else None


def needed_column(header: Row, names: Collection[str], meaning: str) -> int:
    """The number of the column that has one of these names. Raises BrokenFileError for none or several."""
    column = column_of(header, names, meaning)
    if column is None:
        raise BrokenFileError(
            f"{header.place}: no column of {meaning} among {', '.join(map(repr, header.fields))}: name it "
            f"as one of these: {', '.join(sorted(names))}."
        )
    return column


def _delimiter(header: str) -> str:
    """The one by which columns have names that say what they hold; else the most frequent."""

    def sense(delimiter: str) -> tuple[int, int, int]:
        fields = {_plain(field) for field in next(csv.reader([header], delimiter=delimiter))}
        return len(fields & FILES), len(fields & LABELS), header.count(delimiter)

    return max(",;\t", key=sense)


def _text(path: Path) -> str:
    raw = contents(path)
    if raw.startswith(_SPREADSHEETS):
        raise BrokenFileError(
            f"{path}: is the file of a spreadsheet: open it there and save it as CSV (UTF-8)."
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BrokenFileError(
            f"{path}: line {line}: byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8: "
            "save the table in UTF-8."
        ) from None
    if "\0" in text.partition("\n")[0]:
        raise BrokenFileError(f"{path}: line 1: has zero bytes, as UTF-16 does: save the table in UTF-8.")
    return text if "\n" in text else text.replace("\r", "\n")  # as spreadsheets save for the old Macintosh


def _plain(field: str) -> str:
    return field.strip().lower().replace(" ", "_")
