"""Answers of people, taken in all at once or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from queryloop import samples as tables
from queryloop.errors import examples
from queryloop.exchange.answers import Answer
from queryloop.experiment import Experiment
from queryloop.handover import told
from queryloop.handover.asked import Asked, asked_of, check_content, check_open, check_people_are_asked
from queryloop.oracles import people
from queryloop.readers.content import contents
from queryloop.storage import lock


def tell(experiment: Experiment, given: Path, annotator: str) -> list[str]:
    """Take in the answers of a table or mask, or of the folder that `ask` wrote; returns what was done.

    What was told before, byte for byte, changes nothing: of boxes only what was told of the same query, for
    masks do not say which boxes they answer. Another label than before is a new row of `answers`. Raises
    BrokenFileError for whatever cannot be taken in, and then takes in nothing.
    """
    check_people_are_asked(experiment)
    with lock.locked(experiment.home):
        check_open(experiment)
        asked = asked_of(experiment)
        files = told.mask_files(given) if asked.is_of_boxes else told.table_file(given)
        digest, imports = _digest(files, asked), asked.answers["import_id"].unique()
        if people.import_id(0, digest)[-16:] in {name[-16:] for name in imports}:
            return [f"{given} was taken in before: nothing changed.", _next_step(experiment, asked)]
        check_content(experiment)
        if asked.is_of_boxes:
            told.check_is_of(asked.query, given)
        found = (told.masks if asked.is_of_boxes else told.labels)(experiment.catalog, asked, files)
        labels = asked.labels
        new = {sample: a for sample, a in found.answers.items() if labels.get(sample) != a.label}
        experiment.catalog.save("masks", found.masks)
        experiment.catalog.save("answers", _rows(new, annotator, people.import_id(len(imports) + 1, digest)))
        said = [*_changes(labels, found.answers, new), *found.remarks]
        return [*said, _next_step(experiment, asked_of(experiment))]


def _digest(files: Sequence[Path], asked: Asked) -> str:
    """SHA-256 of the contents of some files; of boxes also of their names and the cycle that asks.

    A mask of background alone is the same file for any scan of its shape, and after any query.
    """
    names = [f"cycle {asked.cycle} {path.name}" if asked.is_of_boxes else "" for path in files]
    parts = [name.encode() + contents(path) for name, path in zip(names, files, strict=True)]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


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
    changed = [sample for sample in new if sample in labels.index]
    yield f"{len(new) - len(changed)} new answers were taken in."
    if changed:
        told_ = [f"{sample} was {labels[sample]}, is now {new[sample].label}" for sample in changed]
        yield f"{len(changed)} labels are others than before: {examples(told_)}."
    if len(given) > len(new):
        yield f"{len(given) - len(new)} answers were in already."


def _next_step(experiment: Experiment, asked: Asked) -> str:
    return people.next_step(asked.query, asked.answers, experiment.flags)
