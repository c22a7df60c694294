"""What a data set is: where its files may lie, how they are read, how to get them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from queryloop.errors import MissingFilesError, examples
from queryloop.options import DataOptions
from queryloop.readers.images import ImageSet

Found = tuple[list[Path], list[str]]
"""The files that are there, in reading order, and the names of those that are not."""


@dataclass(frozen=True)
class Layout:
    """One way in which the files of a data set may lie.

    places: the folders to look in, given raw_root. search: what one folder holds.
    read: source files, class names and options to images.
    """

    places: Callable[[Path], list[Path]]
    search: Callable[[Path], Found]
    read: Callable[[Sequence[Path], Sequence[str], DataOptions], ImageSet]


@dataclass(frozen=True)
class DataSet:
    """An entry of the registry.

    task: name of the task it serves. classes: class names by class number.
    remedy: what to do where files are missing, given raw_root. options: the names of those options of
    its reader that not every data set has.
    """

    name: str
    task: str
    classes: tuple[str, ...]
    layouts: tuple[Layout, ...]
    remedy: Callable[[Path], str]
    options: frozenset[str] = frozenset()

    def source_files(self, raw_root: Path) -> list[Path]:
        """The files of the first complete layout.

        Raises MissingFilesError with every place looked at, what it lacks, and how to get the files.
        """
        lacking: dict[str, list[Path]] = {}
        for layout in self.layouts:
            for place in layout.places(raw_root):
                files, missing = layout.search(place)
                if not missing:
                    return files
                lacking.setdefault(", ".join(missing), []).append(place)
        looked = [f"Missing in {_listed(places)}: {names}." for names, places in lacking.items()]
        raise MissingFilesError(
            " ".join([f"data set {self.name!r} was not found.", *looked, self.remedy(raw_root)])
        )

    def read(self, files: Sequence[Path], options: DataOptions) -> ImageSet:
        """The samples and images of `files` (from `source_files`, in any order).

        Raises BrokenFileError, naming file and record, for what is not as its format promises, and
        MissingFilesError where `files` are not one whole copy of the data set.
        """
        for layout in self.layouts if files else ():
            found, missing = layout.search(common_folder(files))
            if not missing and set(found) == set(files):
                return layout.read(found, self.classes, options)
        raise MissingFilesError(
            f"data set {self.name!r}: these are not all of its files: {examples(files) or 'none'}."
        )


def common_folder(files: Sequence[Path]) -> Path:
    """The folder that all files lie below."""
    return Path(os.path.commonpath([path.parent for path in files]))


def under(*folders: str) -> Callable[[Path], list[Path]]:
    """Places of a layout: these folders of raw_root."""
    return lambda raw_root: [raw_root / folder for folder in folders]


def named(*names: str, suffixes: Sequence[str] = ("",)) -> Callable[[Path], Found]:
    """Search of a layout: a file of each name, with the first of the suffixes that exists."""

    def search(folder: Path) -> Found:
        found = {name: [path for s in suffixes if (path := folder / (name + s)).is_file()] for name in names}
        optional = "".join(f"[{suffix}]" for suffix in suffixes if suffix)
        missing = [name + optional for name, paths in found.items() if not paths]
        return [paths[0] for paths in found.values() if paths], missing

    return search


def _listed(places: Sequence[Path]) -> str:
    return ", ".join(str(place) for place in places)
