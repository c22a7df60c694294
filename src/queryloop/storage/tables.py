"""Tables as Parquet files with fixed columns."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset, Version
from kedro.io.core import VersionNotFoundError
from kedro_datasets._typing import TablePreview

from queryloop.errors import StateError
from queryloop.storage import lock
from queryloop.storage.experiment import ExperimentDataset
from queryloop.storage.files import Writer, check_seal, whole_file

if TYPE_CHECKING:
    import pandas as pd


def write_table(data: pd.DataFrame, name: str, file: Writer) -> None:
    """Write `data` as Parquet. Raises StateError where its columns are not those of the table `name`."""
    from queryloop.samples import types

    if list(data.columns) != (columns := list(types(name, data))):
        raise StateError(f"table {name!r} has columns {list(data.columns)}, not {columns}.")
    buffer = io.BytesIO()
    data.to_parquet(buffer, index=False)
    file.write(buffer.getbuffer())


def read_table(path: Path, name: str) -> pd.DataFrame:
    """Read a Parquet file as the table `name`."""
    import pandas as pd

    from queryloop.samples import table

    return table(name, pd.read_parquet(path))


def read_unchanging(path: Path, name: str) -> pd.DataFrame:
    """As `read_table`, of a file that is written once: read again only where it is another one.

    Each call returns a table of its own, whose columns are copied on write.
    """
    stat = path.stat()
    return _kept(path, stat.st_size, stat.st_mtime_ns, name).copy(deep=False)


@lru_cache(maxsize=3)  # samples, splits and starting set of one experiment: each stage loads them
def _kept(path: Path, size: int, changed: int, name: str) -> pd.DataFrame:  # noqa: ARG001
    return read_table(path, name)


def preview_table(data: pd.DataFrame, nrows: int) -> dict[str, Any]:
    """The first rows in the form that kedro-viz shows."""
    return data.head(nrows).astype(str).to_dict(orient="split")


class ExperimentTable(ExperimentDataset["pd.DataFrame"]):
    """One table of an experiment; before the first commit a versioned one loads empty.

    schema: the table's name in `samples.COLUMNS`.
    """

    def __init__(
        self,
        *,
        filepath: str,
        schema: str,
        experiment: dict[str, str],
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, experiment=experiment, version=version, metadata=metadata)
        self._schema = schema

    def load(self) -> pd.DataFrame:
        """The table of the version asked for, or of the last committed cycle."""
        from queryloop.samples import table

        try:
            return super().load()
        except VersionNotFoundError:
            return table(self._schema)

    def preview(self, nrows: int = 20) -> TablePreview:
        """The first rows, for kedro-viz."""
        return TablePreview(preview_table(self.load(), nrows))

    def _encode(self, data: pd.DataFrame, file: Writer) -> None:
        write_table(data, self._schema, file)

    def _decode(self, path: Path) -> pd.DataFrame:
        return (read_table if self.is_versioned else read_unchanging)(path, self._schema)


class AppendOnlyTable(AbstractDataset["pd.DataFrame", "pd.DataFrame"]):
    """A table that only grows: each save is a file of its own, named by its column `part`.

    Saving rows under a name that is there already changes nothing, so a repeated import cannot
    double a row. Files load in the order of their names. With `experiment` only its run may write.
    """

    def __init__(
        self,
        *,
        path: str,
        schema: str,
        part: str,
        experiment: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.folder = Path(path)
        self.home = Path(experiment["path"]) if experiment else None
        self.metadata = metadata
        self._schema = schema
        self._part = part

    def save(self, data: pd.DataFrame) -> None:
        """Add the rows of `data`, one file for each value of the column that names the part."""
        if self.home is not None:
            lock.require(self.home)
        for name, rows in data.groupby(self._part, sort=True):
            path = self.folder / f"{name:0>6}.parquet"
            if not path.exists():
                with whole_file(path) as file:
                    write_table(rows, self._schema, file)

    def load(self) -> pd.DataFrame:
        """All rows, oldest file first; empty before the first save."""
        import pandas as pd

        from queryloop.samples import table

        paths = sorted(self.folder.glob("*.parquet"))
        for path in paths:
            check_seal(path)
        parts = [read_table(path, self._schema) for path in paths]
        return pd.concat(parts, ignore_index=True) if parts else table(self._schema)

    def preview(self, nrows: int = 20) -> TablePreview:
        """The first rows, for kedro-viz."""
        return TablePreview(preview_table(self.load(), nrows))

    def _exists(self) -> bool:
        return any(self.folder.glob("*.parquet"))

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self.folder), "schema": self._schema}
