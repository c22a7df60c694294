"""One experiment, as it was committed last; read only."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from queryloop.errors import CorruptFileError, StateError
from queryloop.storage import state
from queryloop.storage.files import check_seal
from queryloop.storage.tables import AppendOnlyTable, read_table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Layers:
    """Folders that hold, by data set, what experiments keep and what they share."""

    states: Path
    models: Path
    reports: Path
    content: Path
    features: Path


@dataclass(frozen=True)
class Run:
    """One experiment: what it was begun with, and the committed versions of what it keeps."""

    dataset: str
    experiment: str
    strategy: str
    seed: int
    versions: list[str]
    layers: Layers

    def __str__(self) -> str:
        return f"{self.experiment}/{self.strategy}/seed_{self.seed}"

    @property
    def home(self) -> Path:
        """The folder of its labelled sets and its lock."""
        return self._folder(self.layers.states)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What it was begun with. Raises CorruptFileError where the file is missing or was changed."""
        path = self.home / state.SETTINGS
        check_seal(path)
        return json.loads(path.read_bytes())

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row a cycle. Raises CorruptFileError where the table is missing or was changed."""
        return self._table(self.layers.reports, "metrics")

    @cached_property
    def labeled(self) -> pd.DataFrame:
        """The labelled set of the last cycle, empty before the first.

        Raises CorruptFileError where it was changed.
        """
        from queryloop.samples import table

        return self._table(self.layers.states, "labeled_index") if self.versions else table("labeled_index")

    @cached_property
    def query(self) -> pd.DataFrame:
        """What was asked for last: the query of the last cycle, or the starting set before the first one.

        Empty where nothing is drawn yet. Raises CorruptFileError where it was changed.
        """
        from queryloop.samples import table

        if self.versions:
            return self._table(self.layers.states, "query")
        path = self.home / "starting_set.parquet"
        return _sealed(path, "query") if path.exists() else table("query")

    @property
    def answers(self) -> pd.DataFrame:
        """All answers of people. Raises CorruptFileError where a part was changed."""
        return AppendOnlyTable(
            path=str(self.home / "answers.parquet"), schema="answers", part="import_id"
        ).load()

    def check(self) -> None:
        """Raise StateError where settings, metrics or labels are not those of all its cycles."""
        _ = self.settings, self.labeled
        if len(self.metrics) != len(self.versions):
            raise StateError(
                f"it has labelled sets of {len(self.versions)} cycles, but metrics of {len(self.metrics)}: "
                "kedro al verify says what is lost"
            )
        state.check_parts(self.home, [], self._timings)

    def timings(self) -> pd.DataFrame:
        """Seconds by cycle and stage, and the software, of the cycles of which they are known and intact."""
        import pandas as pd

        from queryloop.samples import table

        places = sorted(self._timings.glob("*.parquet"))
        paths = [path for path in places if _is_intact(path)]
        return table("timings", pd.read_parquet(paths) if paths else ())

    @property
    def _timings(self) -> Path:
        return self._folder(self.layers.reports) / "timings.parquet"

    def gallery(self, cycle: int) -> bytes | None:
        """The picture of the query that was asked after a cycle (1, 2, ...), as PNG; None where lost."""
        path = self._file(self.layers.reports, "query_gallery.png", self.versions[cycle - 1])
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

        content = self.layers.content / self.dataset / self.settings["samples"]
        vectors, what = content / "images.npy", "pixels"
        if self.settings["model"]["freeze"] != "none":
            vectors, what = self.layers.features / self.dataset / self._inputs() / "features.npy", "features"
        if not vectors.exists():
            return None
        samples = content / "samples.parquet"
        for path in (vectors, samples):
            check_seal(path)
        return read_table(samples, "samples"), np.load(vectors, mmap_mode="r"), what

    def _inputs(self) -> str:
        """The fingerprint of what its networks were given."""
        from queryloop.storage.checkpoints import read_checkpoint

        path = self._file(self.layers.models, "checkpoint.safetensors", self.versions[-1])
        check_seal(path)
        return read_checkpoint(path).settings["inputs"]

    def _table(self, layer: Path, name: str) -> pd.DataFrame:
        return _sealed(self._file(layer, f"{name}.parquet", self.versions[-1]), name)

    def _file(self, layer: Path, name: str, version: str) -> Path:
        return self._folder(layer) / name / version / name

    def _folder(self, layer: Path) -> Path:
        return layer / self.dataset / str(self)


def _sealed(path: Path, schema: str) -> pd.DataFrame:
    check_seal(path)
    return read_table(path, schema)


def _is_intact(path: Path) -> bool:
    try:
        check_seal(path)
    except CorruptFileError:
        return False
    return True
