"""Answers of people, taken in all at once or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from queryloop import samples as tables
from queryloop.errors import examples
from queryloop.exchange.answers import Answer
from queryloop.experiment import Experiment
from queryloop.handover.asked import Asked, asked_of, check_content, check_people_are_asked
from queryloop.handover.kind import Kind
from queryloop.handover.kinds import kind_of
from queryloop.oracles import people
from queryloop.readers.content import contents
from queryloop.storage import lock


def tell(experiment: Experiment, given: Path, annotator: str) -> list[str]:
    """Take in the answers of a table or mask, or of the folder that `ask` wrote; returns what was done.

    What was told last, byte for byte, changes nothing: of boxes only what was told of the same query, for
    masks do not say which boxes they answer. Another label than before is a new row of `answers`. Raises
    BrokenFileError for whatever cannot be taken in, and then takes in nothing.
    """
    check_people_are_asked(experiment)
    with lock.locked(experiment.home):
        asked = asked_of(experiment)
        digest, last = _digest(kind_of(experiment), asked, given), people.last_import(asked.answers)
        newest = asked.answers["import_id"].iloc[-1:]
        if (newest == people.import_id(last, digest)).any():  # after another one it takes that back
            return [f"{given} was taken in before: nothing changed.", _next_step(experiment, asked)]
        check_content(experiment)
        found, labels = kind_of(experiment).read(experiment, asked, given), asked.labels
        new = _new(found.answers, asked.newest)
        experiment.catalog.save("masks", found.masks)
        experiment.catalog.save("answers", _rows(new, annotator, people.import_id(last + 1, digest)))
        said = [*_changes(labels, found.answers, new), *found.remarks]
        return [*said, _next_step(experiment, asked_of(experiment))]


def _digest(kind: Kind, asked: Asked, given: Path) -> str:
    """SHA-256 of what somebody tells."""
    parts = [kind.mark(asked, path).encode() + contents(path) for path in kind.files(given)]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _new(given: Mapping[str, Answer], newest: pd.DataFrame) -> dict[str, Answer]:
    """The answers with another label than the newest ones, or with other seconds where any are said."""
    known = newest.reindex(list(given))
    labels, seconds = ([getattr(a, part) for a in given.values()] for part in ("label", "seconds"))
    same = known["label"].eq(labels) & (known["seconds"].eq(seconds) | pd.isna(seconds))
    return {sample: answer for sample, answer in given.items() if not same[sample]}


def _rows(new: Mapping[str, Answer], annotator: str, name: str) -> pd.DataFrame:
    return tables.table(
        "answers",
        {
            "sample_id": list(new),
            "label": [answer.label for answer in new.values()],
            "annotator": annotator,
            "labeled_at": dt.datetime.now(dt.UTC),
            "seconds": [answer.seconds for answer in new.values()],
            "import_id": name,
        },
    )


def _changes(labels: pd.Series, given: Mapping[str, Answer], new: Mapping[str, Answer]) -> Iterator[str]:
    """What became of the answers that were given. labels: the newest ones before them."""
    again = [sample for sample in new if sample in labels.index]
    changed = [sample for sample in again if new[sample].label != labels[sample]]
    yield f"{len(new) - len(again)} new answers were taken in."
    if changed:
        told = [f"{sample} was {labels[sample]}, is now {new[sample].label}" for sample in changed]
        yield f"{len(changed)} labels are others than before: {examples(told)}."
    if len(again) > len(changed):
        yield f"{len(again) - len(changed)} answers have the same label as before, and other seconds."
    if len(given) > len(new):
        yield f"{len(given) - len(new)} answers were in already."


def _next_step(experiment: Experiment, asked: Asked) -> str:
    if experiment.is_exhausted:
        return f"Nothing more is asked: `kedro al export FOLDER {experiment.flags}` writes the labels out."
    return people.next_step(asked.query, asked.answers, experiment.flags)
