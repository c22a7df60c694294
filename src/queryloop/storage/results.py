"""All experiments of a data set, as they were committed last; read only."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from queryloop.errors import BrokenFileError, CorruptFileError, MissingFilesError, StateError
from queryloop.storage import state
from queryloop.storage.experiment import MARK, committed
from queryloop.storage.files import check_seal
from queryloop.storage.tables import read_table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

logger = logging.getLogger(__name__)
_SEED = re.compile(r"seed_\d+")  # a copy beside it is no experiment


@dataclass(frozen=True)
class Folders:
    """Where a data set's experiments lie, and what they share."""

    states: Path
    models: Path
    reports: Path
    content: Path
    features: Path


@dataclass(frozen=True)
class Run:
    """One experiment: what it was begun with, and the committed versions of what it keeps."""

    experiment: str
    strategy: str
    seed: int
    versions: list[str]
    folders: Folders

    def __str__(self) -> str:
        return f"{self.experiment}/{self.strategy}/seed_{self.seed}"

    @property
    def home(self) -> Path:
        """The folder of its labelled sets and its lock."""
        return self.folders.states / str(self)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What it was begun with. Raises CorruptFileError where the file is missing or was changed."""
        path = self.home / state.SETTINGS
        check_seal(path)
        return json.loads(path.read_bytes())

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row a cycle. Raises CorruptFileError where the table is missing or was changed."""
        return self._table(self.folders.reports, "metrics")

    @cached_property
    def labeled(self) -> pd.DataFrame:
        """The labelled set of the last cycle. Raises CorruptFileError where it was changed."""
        return self._table(self.folders.states, "labeled_index")

    def check(self) -> None:
        """Raise StateError where settings, metrics or labels are not those of all its cycles."""
        _ = self.settings, self.labeled
        if len(self.metrics) != len(self.versions):
            raise StateError(
                f"it has labelled sets of {len(self.versions)} cycles, but metrics of {len(self.metrics)}: "
                "kedro al verify says what is lost"
            )

    def timings(self) -> pd.DataFrame:
        """Seconds by cycle and stage, and the software, of the cycles of which they are known and intact."""
        import pandas as pd

        from queryloop.samples import table

        places = sorted((self.folders.reports / str(self) / "timings.parquet").glob("*.parquet"))
        paths = [path for path in places if _is_intact(path)]
        return table("timings", pd.read_parquet(paths) if paths else ())

    def gallery(self, cycle: int) -> bytes | None:
        """The picture of the query that was asked after a cycle (1, 2, ...), as PNG; None where lost."""
        path = self._file(self.folders.reports, "query_gallery.png", self.versions[cycle - 1])
        return path.read_bytes() if _is_intact(path) else None

    def space(self) -> tuple[pd.DataFrame, np.ndarray, str] | None:
        """The samples, a vector for each, and what it holds: features of a frozen trunk, else pixels.

        The vectors are mapped into memory. None where the samples are no images, and where a file that it
        takes is missing or was changed, which is told.
        """
        try:
            return self._space()
        except CorruptFileError as error:
            logger.warning("How redundant the queries are is left out: %s", error)
            return None

    def _space(self) -> tuple[pd.DataFrame, np.ndarray, str] | None:
        import numpy as np

        content = self.folders.content / self.settings["samples"]
        vectors, what = content / "images.npy", "pixels"
        if self.settings["model"]["freeze"] != "none":
            vectors, what = self.folders.features / self._inputs() / "features.npy", "features"
        if not vectors.exists():
            return None
        samples = content / "samples.parquet"
        for path in (vectors, samples):
            check_seal(path)
        return read_table(samples, "samples"), np.load(vectors, mmap_mode="r"), what

    def _inputs(self) -> str:
        """The fingerprint of what its networks were given."""
        from queryloop.storage.checkpoints import read_checkpoint

        path = self._file(self.folders.models, "checkpoint.safetensors", self.versions[-1])
        check_seal(path)
        return read_checkpoint(path).settings["inputs"]

    def _table(self, layer: Path, name: str) -> pd.DataFrame:
        path = self._file(layer, f"{name}.parquet", self.versions[-1])
        check_seal(path)
        return read_table(path, name)

    def _file(self, layer: Path, name: str, version: str) -> Path:
        return layer / str(self) / name / version / name


def _is_intact(path: Path) -> bool:
    try:
        check_seal(path)
    except CorruptFileError:
        return False
    return True


class ExperimentResults(AbstractDataset[None, "list[Run]"]):
    """Every experiment of a data set that has a committed cycle.

    Each of the others: {"path": the data set's folder} in one layer, as in `Folders`.
    """

    def __init__(
        self,
        *,
        states: dict[str, str],
        models: dict[str, str],
        reports: dict[str, str],
        content: dict[str, str],
        features: dict[str, str],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        # a key named path, for Kedro makes that one absolute
        given = (states, models, reports, content, features)
        self._folders = Folders(*(Path(layer["path"]) for layer in given))
        self.metadata = metadata

    def load(self) -> list[Run]:
        """The experiments, sorted by their place."""
        homes = sorted(path.parent for path in self._folders.states.glob(f"*/*/seed_*/{MARK}"))
        return [self.run_at(home) for home in homes if _SEED.fullmatch(home.name) and committed(home)]

    def run_at(self, home: Path) -> Run:
        """The experiment at `home`, which has a committed cycle."""
        experiment, strategy, seed = home.parts[-3:]
        return Run(experiment, strategy, int(seed.removeprefix("seed_")), committed(home), self._folders)

    def save(self, data: None) -> None:
        """Refused: experiments are written by their runs."""
        raise NotImplementedError("experiments are written by their runs")

    def _describe(self) -> dict[str, Any]:
        return {"states": str(self._folders.states)}


def read_imported(path: str) -> pd.DataFrame:
    """A CSV of results from elsewhere, its cells as text. Raises MissingFilesError, BrokenFileError."""
    import pandas as pd

    place = Path(path).expanduser()
    if not place.is_file():
        raise MissingFilesError(f"there is no file {place} to import results from.")
    try:
        table = pd.read_csv(place, dtype=str).rename(columns=str.strip)
    except (ValueError, UnicodeDecodeError) as error:
        raise BrokenFileError(f"{place} is no CSV of results: {error}.") from error
    return table.apply(lambda cells: cells.str.strip())
