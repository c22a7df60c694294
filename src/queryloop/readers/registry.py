"""Every data set by name, and the fingerprint of what reading one of them gives."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from queryloop.errors import BrokenFileError, OptionsError, unknown
from queryloop.options import DataOptions
from queryloop.progress import ProgressBar
from queryloop.readers.content import digest
from queryloop.readers.dataset import DataSet, Source
from queryloop.readers.entries import DATASETS
from queryloop.readers.threads import in_threads

SCHEMA = 2
"""Rises when a reader gives other samples or pixels for the same files."""


_BY_NAME = {dataset.name: dataset for dataset in DATASETS}


def find(name: str, options: DataOptions | None = None) -> DataSet:
    """The data set of that name.

    Raises OptionsError with the nearest names, and for a value in `options` that it does not look at.
    """
    if name not in _BY_NAME:
        raise unknown("dataset", name, _BY_NAME)
    if options is not None:
        _check_taken(_BY_NAME[name], options)
    return _BY_NAME[name]


def fingerprint(dataset: DataSet, source: Source, options: DataOptions) -> str:
    """16 hex digits that change with whatever changes the samples: contents, file names, options.

    The same wherever the folder lies, in whatever order the files come, for any number of workers
    and for any later split. Raises BrokenFileError for an unreadable file, but for one of an image folder:
    reading names all of these, or leaves them out.
    """
    said = {
        "dataset": dataset.name,
        "schema": SCHEMA,
        "options": options.model_dump(mode="json", include=set(dataset.options)),
        "files": dict(zip(source.names, _digests(dataset, source, options.workers), strict=True)),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _digests(dataset: DataSet, source: Source, workers: int) -> list[str]:
    found: list[str] = []
    hash_of = _digest_if_readable if "on_error" in dataset.options else digest
    with ProgressBar("comparing files", len(source.names)) as bar:
        for block in in_threads(lambda name: hash_of(source.folder / name), source.names, workers, 4096):
            found += block
            bar.advance(len(block))
    return found


def _digest_if_readable(path: Path) -> str:
    try:
        return digest(path)
    except BrokenFileError:
        return "unreadable"


def _check_taken(dataset: DataSet, options: DataOptions) -> None:
    changed = options.model_dump(exclude_defaults=True)
    for option in sorted(changed.keys() - dataset.options):
        takers = [other.name for other in DATASETS if option in other.options]
        if takers:
            raise OptionsError(
                f"data set {dataset.name!r} has no option data.{option} ({changed[option]!r} was given): "
                f"leave it out. Data sets that have it: {', '.join(takers)}."
            )
