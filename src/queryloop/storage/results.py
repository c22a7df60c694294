"""All experiments of a data set, as they were committed last; read only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.storage import state
from queryloop.storage.experiment import committed
from queryloop.storage.files import check_seal
from queryloop.storage.tables import read_table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """One experiment: what it was begun with, and the committed versions of what it keeps."""

    experiment: str
    strategy: str
    seed: int
    settings: dict[str, Any]
    versions: list[str]
    home: Path
    reports: Path
    content: Path

    def __str__(self) -> str:
        return f"{self.experiment}/{self.strategy}/seed_{self.seed}"

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row a cycle. Raises CorruptFileError where the table is missing or was changed."""
        return self._table(self.reports, "metrics")

    def labeled(self) -> pd.DataFrame:
        """The labelled set of the last cycle."""
        return self._table(self.home, "labeled_index")

    def timings(self) -> pd.DataFrame:
        """Seconds by cycle and stage, of the cycles whose times are known."""
        import pandas as pd

        from queryloop.samples import table

        paths = sorted((self.reports / "timings.parquet").glob("*.parquet"))
        return table("timings", pd.read_parquet(paths) if paths else ())

    def gallery(self, cycle: int) -> bytes:
        """The picture of the query that was asked after a cycle (1, 2, ...), as PNG."""
        path = self.reports / "query_gallery.png" / self.versions[cycle - 1] / "query_gallery.png"
        check_seal(path)
        return path.read_bytes()

    def images(self) -> tuple[pd.DataFrame, np.ndarray] | None:
        """The samples and their images, row by row, mapped into memory; None where they are no images."""
        import numpy as np

        path = self.content / "images.npy"
        if not path.exists():
            return None
        check_seal(path)
        return read_table(self.content / "samples.parquet", "samples"), np.load(path, mmap_mode="r")

    def _table(self, place: Path, name: str) -> pd.DataFrame:
        path = place / f"{name}.parquet" / self.versions[-1] / f"{name}.parquet"
        check_seal(path)
        return read_table(path, name)


class ExperimentResults(AbstractDataset[None, "list[Run]"]):
    """Every experiment of a data set that has a committed cycle.

    states, reports, content: {"path": the data set's folder} of labelled sets, metrics, samples.
    """

    def __init__(
        self,
        *,
        states: dict[str, str],
        reports: dict[str, str],
        content: dict[str, str],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        # a key named path, for Kedro makes that one absolute
        self._states, self._reports, self._content = (Path(of["path"]) for of in (states, reports, content))
        self.metadata = metadata

    def load(self) -> list[Run]:
        """The experiments, sorted by their place."""
        homes = sorted(path.parent for path in self._states.glob(f"*/*/seed_*/{state.SETTINGS}"))
        return [self.run_at(home) for home in homes if committed(home)]

    def run_at(self, home: Path) -> Run:
        """The experiment at `home`, which has a committed cycle."""
        place = home.relative_to(self._states)
        experiment, strategy, seed = place.parts
        settings = state.read_settings(home) or {}
        content = self._content / settings["samples"]
        number = int(seed.removeprefix("seed_"))
        reports = self._reports / place
        return Run(experiment, strategy, number, settings, committed(home), home, reports, content)

    def save(self, data: None) -> None:
        """Refused: experiments are written by their runs."""
        raise NotImplementedError("experiments are written by their runs")

    def _describe(self) -> dict[str, Any]:
        return {"states": str(self._states)}


def read_imported(path: str) -> pd.DataFrame:
    """A CSV of results from elsewhere, as it is. Raises MissingFilesError, BrokenFileError."""
    import pandas as pd

    place = Path(path).expanduser()
    if not place.is_file():
        raise MissingFilesError(f"there is no file {place} to import results from.")
    try:
        return pd.read_csv(place)
    except (ValueError, UnicodeDecodeError) as error:
        raise BrokenFileError(f"{place} is no CSV of results: {error}.") from error
