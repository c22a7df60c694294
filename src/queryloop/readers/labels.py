"""A CSV beside images: which file is of which class, and in which split."""

from __future__ import annotations

import csv
import logging
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path, PurePath

import pandas as pd

from queryloop.errors import BrokenFileError, examples, log_all, unknown
from queryloop.readers.content import contents
from queryloop.readers.listing import inside

logger = logging.getLogger(__name__)

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
SPLITS = {
    **dict.fromkeys(("train", "training", "val", "valid", "validation"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Names of splits and what they count as: the validation set is drawn from the training samples."""


@dataclass(frozen=True)
class Row:
    """One row of a table: where it stands, for errors, and its fields, stripped."""

    place: str
    fields: list[str]


def labelled(
    table: Path,
    images: Path,
    there: Collection[str],
    classes: Sequence[str] = (),
    names: Collection[str] = LABELS,
    *,
    skip: bool = False,
) -> pd.DataFrame:
    """The samples of a table: sample_id relative to the folder of the table, label, split; sorted by id.

    images: folder in which its file names begin. there: ids of the images that are there. classes: the
    known ones, named or numbered in the table; none: any text is a class. names: what the column of
    labels may be called. Where a column says the split, training images may be without a label (null).
    skip: leave out the rows whose image is not there, with a warning, unless a class has no others.
    Raises BrokenFileError naming the line, or all lines whose image is not there.
    """
    header, *records = rows(table)
    spelled = {_composed(name): name for name in there}
    file, label = _needed(header, FILES, "file names"), _needed(header, names, "labels")
    split = _column(header, ("split", "subset"), "splits")
    prefix = images.relative_to(table.parent)
    lines: dict[str, str] = {}
    found = []
    for row in records:
        name = _file(row, row.fields[file], images, spelled, lines)
        part = "train" if split is None else _split(row, row.fields[split])
        text = row.fields[label]
        is_left_open = not text and split is not None and part == "train"
        found.append(((prefix / name).as_posix(), None if is_left_open else _label(row, text, classes), part))
    samples = pd.DataFrame(found, columns=["sample_id", "label", "split"], dtype="str")
    if absent := [f"{name!r} ({line})" for name, line in lines.items() if name not in there]:
        told = f"{table}: {len(absent)} of {len(lines)} rows name no image that lies in {images}"
        _tell_absent(f"{told}: {examples(absent)}.", absent, _meant(lines, there), skip)
        named, samples = samples, samples[[name in there for name in lines]]
        refuse_emptied(table, named, samples)
    return samples.sort_values("sample_id", ignore_index=True)


def _meant(named: Collection[str], there: Collection[str]) -> str:
    """A hint where an image has the name of a row but for case, folder and ending, or ""."""
    known = {PurePath(name).stem.casefold(): name for name in there}
    pairs = [
        f" By {name!r}, did you mean {known[stem]!r}?"
        for name in named
        if name not in there and (stem := PurePath(name).stem.casefold()) in known
    ]
    return pairs[0] if pairs else ""


def _tell_absent(told: str, absent: Sequence[str], hint: str, skip: bool) -> None:
    log_all(logger, absent)
    if not skip:
        raise BrokenFileError(
            f"{told}{hint} Add the files, or write the names with their folders and endings; to leave these "
            "rows out, set data.on_error:skip."
        )
    logger.warning("%s%s They are left out, as data.on_error is skip.", told, hint)


def refuse_emptied(said_by: Path, named: pd.DataFrame, left: pd.DataFrame) -> None:
    """Refuse to go on where a class or split of the samples `named` has none `left`: BrokenFileError."""
    emptied = sorted(set(named["label"].dropna()) - set(left["label"]))
    if emptied:
        raise BrokenFileError(
            f"{said_by}: no image can be read of {len(emptied)} of {named['label'].nunique()} classes: "
            f"{examples(emptied)}. Mend or add images of each, or take the class out: its folder, or its "
            "rows in the table."
        )
    if gone := sorted(set(named["split"]) - set(left["split"])):
        raise BrokenFileError(
            f"{said_by}: no image of the split {examples(gone)} can be read, and another would take its "
            "place: mend or add images of it, or take it out."
        )


def rows(path: Path, *, may_be_short: bool = False) -> list[Row]:
    """The header and the rows of a table, without the empty ones; fields end with a comma, `;` or a tab.

    may_be_short: rows may lack fields at their end, as spreadsheets save them where these are empty. Raises
    BrokenFileError naming the line that is no CSV, has other fields than the header, or no UTF-8.
    """
    text = _text(path)
    delimiter = max(",;\t", key=text.lstrip().partition("\n")[0].count)
    reader = csv.reader(StringIO(text, newline=""), strict=True, delimiter=delimiter)
    found: list[Row] = []
    line = 1  # where a record begins
    try:
        for fields in reader:
            line = reader.line_num + 1
            if may_be_short and found:
                fields += [""] * (len(found[0].fields) - len(fields))
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


def _text(path: Path) -> str:
    raw = contents(path)
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
    return text


def _column(header: Row, names: Collection[str], meaning: str) -> int | None:
    plain = [field.lower().replace(" ", "_") for field in header.fields]
    found = [i for i, name in enumerate(plain) if name in names]
    if len(found) > 1:
        several = ", ".join(repr(header.fields[i]) for i in found)
        raise BrokenFileError(
            f"{header.place}: the columns {several} could all hold the {meaning}: rename all but one."
        )
    return found[0] if found else None


def _needed(header: Row, names: Collection[str], meaning: str) -> int:
    column = _column(header, names, meaning)
    if column is None:
        raise BrokenFileError(
            f"{header.place}: no column of {meaning} among {', '.join(map(repr, header.fields))}: name it "
            f"as one of these: {', '.join(sorted(names))}."
        )
    return column


def _composed(name: str) -> str:
    """A name in the one spelling of its letters: macOS writes an umlaut as two characters, tables as one."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _file(row: Row, text: str, images: Path, there: Mapping[str, str], lines: dict[str, str]) -> str:
    """The id of the file that a row names; its line is added to `lines`. there: ids by `_composed`."""
    if not text:
        raise BrokenFileError(f"{row.place}: the file name is empty: give one, or delete the line.")
    try:
        spelled = _composed(text)
        # what was listed is inside, links too
        name = there[spelled] if spelled in there else there.get(found := inside(images, spelled), found)
    except BrokenFileError as error:
        raise BrokenFileError(f"{row.place}: {error}") from None
    if name in lines:
        raise BrokenFileError(
            f"{row.place}: {name!r} was already named in {lines[name]}: delete one of these lines."
        )
    lines[name] = row.place.rsplit(": ", 1)[-1]
    return name


def _label(row: Row, text: str, classes: Sequence[str]) -> str:
    if not text:
        raise BrokenFileError(
            f"{row.place}: the label is empty: give one. Only training images may be without a label, where "
            "a column split says which ones they are."
        )
    if not classes or text in classes:
        return text
    numbered = {str(number): name for number, name in enumerate(classes)}
    if text not in numbered:
        raise BrokenFileError(f"{row.place}: {unknown('class', text, classes)}")
    return numbered[text]


def _split(row: Row, text: str) -> str:
    if text.lower() not in SPLITS:
        raise BrokenFileError(f"{row.place}: {unknown('split', text, SPLITS)}")
    return SPLITS[text.lower()]
