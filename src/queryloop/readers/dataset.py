"""What a data set is: where its files may lie, how they are read, how to get them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from queryloop.errors import MissingFilesError
from queryloop.options import DataOptions
from queryloop.readers.content import refusing
from queryloop.readers.images import ImageSet
from queryloop.readers.volumes import VolumeSet

Read = ImageSet | VolumeSet
"""What a reader gives; both have a table `samples`."""
Found = tuple[list[str], list[str]]
"""The files that are there, in reading order, and those that are not, as paths relative to their folder."""


@dataclass(frozen=True)
class Layout:
    """One way in which the files of a data set may lie.

    places: the folders to look in, given raw_root. search: what one folder holds.
    read: what was found, class names and options to images or volumes.
    """

    places: Callable[[Path], list[Path]]
    search: Callable[[Path], Found]
    read: Callable[[Source, Sequence[str], DataOptions], Read]


@dataclass(frozen=True)
class Source:
    """The files of a data set, in reading order, and the folder in which they were found as `layout` says.

    names: relative to the folder; as text, for a `Path` would take five times the memory.
    """

    folder: Path
    names: list[str]
    layout: Layout

    @property
    def files(self) -> list[Path]:
        """The paths of a source of few files."""
        return [self.folder / name for name in self.names]


@dataclass(frozen=True)
class DataSet:
    """An entry of the registry.

    task: name of the task it serves. classes: class names by class number; none where the files say them.
    remedy: what to do where files are missing, given raw_root. options: the names of those options of
    its reader that not every data set has.
    """

    name: str
    task: str
    classes: tuple[str, ...]
    layouts: tuple[Layout, ...]
    remedy: Callable[[Path], str]
    options: frozenset[str] = frozenset()

    def source(self, raw_root: Path) -> Source:
        """The files of the first complete layout.

        Raises MissingFilesError with every place looked at, what it lacks, and how to get the files.
        """
        lacking: dict[str, list[Path]] = {}
        for layout in self.layouts:
            for place in layout.places(raw_root):
                with refusing(place, "cannot be searched: give yourself the right to read it"):
                    names, missing = layout.search(place)
                if not missing:
                    return Source(place, names, layout)
                lacking.setdefault(", ".join(missing), []).append(place)
        looked = [f"Missing in {_listed(places)}: {names}." for names, places in lacking.items()]
        raise MissingFilesError(
            " ".join([f"data set {self.name!r} was not found.", *looked, self.remedy(raw_root)])
        )

    def read(self, source: Source, options: DataOptions) -> Read:
        """The samples of a source, and their images or volumes.

        Raises BrokenFileError, naming file and record, for what is not as its format promises.
        """
        return source.layout.read(source, self.classes, options)


def under(*folders: str) -> Callable[[Path], list[Path]]:
    """Places of a layout: these folders of raw_root."""
    return lambda raw_root: [raw_root / folder for folder in folders]


def named(*names: str, suffixes: Sequence[str] = ("",)) -> Callable[[Path], Found]:
    """Search of a layout: a file of each name, with the first of the suffixes that exists."""

    def search(folder: Path) -> Found:
        found = {name: [name + s for s in suffixes if (folder / (name + s)).is_file()] for name in names}
        optional = "".join(f"[{suffix}]" for suffix in suffixes if suffix)
        missing = [name + optional for name, there in found.items() if not there]
        return [there[0] for there in found.values() if there], missing

    return search


def _listed(places: Sequence[Path]) -> str:
    return ", ".join(str(place) for place in places)
