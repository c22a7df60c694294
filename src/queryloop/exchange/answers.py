"""A table of labels that a person filled in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan
from pathlib import Path

from queryloop.errors import BrokenFileError, examples, nearest
from queryloop.readers.labels import composed
from queryloop.readers.table import Row, rows


@dataclass(frozen=True)
class Answer:
    """A label, the seconds that it took (NaN where nobody said), and where it stands, for errors."""

    label: str
    seconds: float = nan
    place: str = ""


def read_answers(path: Path) -> dict[str, Answer]:
    """Labels by sample, from the columns sample_id, label and, if there, seconds; empty labels are left out.

    Raises BrokenFileError for a file that is no such table, no label at all, and two labels of a sample.
    """
    header, *found = rows(path, may_be_short=True)
    columns = _columns(path, header)
    given: dict[str, Answer] = {}
    for row in found:
        sample, label = row.fields[columns["sample_id"]], composed(row.fields[columns["label"]])
        if not label:
            continue
        seconds = _seconds(row, columns.get("seconds"))
        if sample in given and given[sample].label != label:
            first = given[sample]
            raise BrokenFileError(
                f"{row.place}: {sample} has label {label!r}, but {first.label!r} on {_line(first.place)}: "
                "leave one of them."
            )
        if sample in given and isnan(seconds):
            seconds = given[sample].seconds
        given[sample] = Answer(label, seconds, row.place)
    if not given:
        raise BrokenFileError(f"{path}: no label is filled in: write them into the column `label`.")
    return given


def _columns(path: Path, header: Row) -> dict[str, int]:
    """Where the columns stand that are read."""
    names = [name.lower() for name in header.fields]
    for name in ("sample_id", "label"):
        if name not in names:
            raise BrokenFileError(
                f"{path}: no column {name!r} among {', '.join(map(repr, header.fields))}: keep those of "
                "the table that `kedro al ask` wrote."
            )
    twice = [name for name in ("sample_id", "label", "seconds") if names.count(name) > 1]
    if twice:
        raise BrokenFileError(f"{path}: column {twice[0]!r} is there twice: leave one of them.")
    return {name: number for number, name in enumerate(names)}


def check_answers(
    given: Mapping[str, Answer],
    path: Path,
    known: Collection[str],
    asked: Collection[str],
    classes: Sequence[str],
) -> None:
    """Refuse answers that cannot be taken in, all of one kind at once.

    known: ids of all samples. asked: ids that were asked for, now or before. Raises BrokenFileError.
    """
    ids = {name: set(found) for name, found in (("known", known), ("asked", asked))}
    strange = [sample for sample in given if sample not in ids["known"]]
    if strange:
        _refuse(path, given, strange, "are no sample of this data set", "keep the ids that were asked for")
    early = [sample for sample in given if sample not in ids["asked"]]
    if early:
        _refuse(path, given, early, "were never asked for", "tell only what `kedro al ask` wrote out")
    wrong = [sample for sample, answer in given.items() if answer.label not in classes]
    if wrong:
        told = [f"{given[sample].label!r} ({_line(given[sample].place)})" for sample in wrong]
        hint = nearest(given[wrong[0]].label, classes)
        raise BrokenFileError(
            f"{path}: {len(wrong)} labels are no class of this data set: {examples(told)}.{hint} Classes are "
            f"{', '.join(classes)}. Nothing was taken in: correct them."
        )


def _refuse(path: Path, given: Mapping[str, Answer], ids: Sequence[str], what: str, remedy: str) -> None:
    told = [f"{sample} ({_line(given[sample].place)})" for sample in ids]
    raise BrokenFileError(f"{path}: {len(ids)} ids {what}: {examples(told)}. Nothing was taken in: {remedy}.")


def _line(place: str) -> str:
    return place.rsplit(": ", 1)[-1]


def _seconds(row: Row, column: int | None) -> float:
    text = row.fields[column] if column is not None else ""
    if not text:
        return nan
    if re.fullmatch(r"\d{1,3},\d{3}", text):
        raise BrokenFileError(
            f"{row.place}: seconds are {text!r}, thousands or a fraction: write {text.replace(',', '')} or "
            f"{text.replace(',', '.')}."
        )
    try:
        found = float(text.replace(",", "."))  # as the spreadsheets of many countries write it
    except ValueError:
        found = nan
    if not 0 <= found < inf:
        raise BrokenFileError(f"{row.place}: seconds are {text!r}, expected a number from 0 on, or nothing.")
    return found
