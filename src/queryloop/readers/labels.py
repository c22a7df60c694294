"""A CSV beside images: which file is of which class, and in which split."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePath

import pandas as pd

from queryloop.errors import BrokenFileError, examples, log_all, unknown
from queryloop.readers.listing import inside
from queryloop.readers.table import FILES, LABELS, Row, column_of, needed_column, rows

logger = logging.getLogger(__name__)

SPLITS = {
    **dict.fromkeys(("train", "training", "val", "valid", "validation"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Names of splits and what they count as: the validation set is drawn from the training samples."""


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
    spelled = {composed(name): name for name in sorted(there)} | {name: name for name in there}
    file, label = needed_column(header, FILES, "file names"), needed_column(header, names, "labels")
    split = column_of(header, ("split", "subset"), "splits")
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


def composed(name: str) -> str:
    """A name in the one spelling of its letters: macOS writes an umlaut as two characters, tables as one."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _file(row: Row, text: str, images: Path, there: Mapping[str, str], lines: dict[str, str]) -> str:
    """The id of the file that a row names; its line is added to `lines`. there: ids by name, as `spelled`."""
    if not text:
        raise BrokenFileError(f"{row.place}: the file name is empty: give one, or delete the line.")
    try:
        spelled = text if text in there else composed(text)
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
    text = composed(text)
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
