"""The base of all datasets of an experiment: sealed files, and versions that a commit makes visible.

Kedro finds the latest version of each dataset on its own; a run killed between two saves would
leave a query of one cycle beside the labelled set of another. Here a version exists only once
`labeled_index` has it, for every dataset of the experiment.
"""

from __future__ import annotations

import abc
import re
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from kedro.io import AbstractVersionedDataset, Version
from kedro.io.core import VersionNotFoundError

from queryloop.errors import StateError
from queryloop.storage import lock
from queryloop.storage.files import Writer, check_seal, whole_file

MARK = "labeled_index.parquet"
VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z")

T = TypeVar("T")


def versions_of(folder: Path) -> list[str]:
    """Versions saved under a dataset's folder, oldest first."""
    names = (path.parent.name for path in folder.glob(f"*/{folder.name}"))
    return sorted(name for name in names if VERSION.fullmatch(name))


def committed(home: Path) -> list[str]:
    """The committed versions of the experiment at `home`, oldest first."""
    return versions_of(home / MARK)


class ExperimentDataset(AbstractVersionedDataset[T, T], abc.ABC):
    """A dataset of one experiment; its files appear whole, sealed, and only under the lock.

    filepath: where it lies; experiment: {"path": the folder that holds `labeled_index` and the lock}.
    Without `versioned: true` it is written once, and a second save keeps the first.
    """

    def __init__(
        self,
        *,
        filepath: str,
        experiment: dict[str, str],
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if "://" in filepath:
            raise StateError(f"{filepath}: experiments are kept on a local file system, without a protocol.")
        super().__init__(PurePosixPath(filepath), version)
        self.folder = Path(filepath)
        self.home = Path(experiment["path"])
        self.metadata = metadata
        self._saved: str | None = None

    @property
    def is_versioned(self) -> bool:
        """Whether each cycle saves a version of its own."""
        return self._version is not None

    def save(self, data: T) -> None:
        """Write `data` whole or not at all. Raises StateError without the lock or on a full disk."""
        lock.require(self.home)
        path = Path(self._get_save_path())
        if not self.is_versioned and path.exists():
            return
        with whole_file(path) as file:
            self._encode(data, file)
        self._saved = self.resolve_save_version()

    def load(self) -> T:
        """Read the version that is asked for, or the last committed one; checks the seal first."""
        path = Path(self._get_load_path())
        check_seal(path)
        return self._decode(path)

    @abc.abstractmethod
    def _encode(self, data: T, file: Writer) -> None: ...

    @abc.abstractmethod
    def _decode(self, path: Path) -> T: ...

    def _get_versions(self) -> list[str]:
        names = [*committed(self.home), *([self._saved] if self._saved else [])]
        paths = [Path(self._get_versioned_path(name)) for name in sorted(set(names), reverse=True)]
        missing = [path for path in paths if not path.exists()]
        if missing:
            raise StateError(
                f"{missing[0]} is missing, although its cycle is committed: restore it from a copy."
            )
        if not paths:
            raise VersionNotFoundError(f"Did not find any versions for {self}")
        return [str(path) for path in paths]

    def resolve_load_version(self) -> str | None:
        """The version to load: the one asked for, or the last one that is committed by now.

        Raises StateError for a pinned version that was never committed.
        """
        self.release()  # Kedro would stay with what was the last one when it first looked
        version = super().resolve_load_version()
        if version is not None and version != self._saved and version not in committed(self.home):
            raise StateError(f"{self.folder.name} has no committed version {version}.")
        return version

    def _exists(self) -> bool:
        return Path(self._get_load_path()).exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}
