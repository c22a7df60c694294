"""All experiments of a data set, as they were committed last; read only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.storage.experiment import MARK, committed
from queryloop.storage.run import Layers, Run
from queryloop.storage.state import SETTINGS

if TYPE_CHECKING:
    import pandas as pd

_SEED = re.compile(r"seed_\d+")


def is_seed(folder: Path) -> bool:
    """Whether a folder is of an experiment; a copy beside it is none."""
    return _SEED.fullmatch(folder.name) is not None


class ExperimentResults(AbstractDataset[None, "list[Run]"]):
    """Every experiment of a data set that has a committed cycle.

    Each of the others: {"path": the folder of one layer}, as in `Layers`.
    """

    def __init__(
        self,
        *,
        dataset: str,
        states: dict[str, str],
        models: dict[str, str],
        reports: dict[str, str],
        content: dict[str, str],
        features: dict[str, str],
        metadata: dict[str, Any] | None = None,
    ) -> None:
        # a key named path, for Kedro makes that one absolute
        given = (states, models, reports, content, features)
        self._dataset = dataset
        self._layers = Layers(*(Path(layer["path"]) for layer in given))
        self.metadata = metadata

    def load(self) -> list[Run]:
        """The experiments, sorted by their place."""
        return [run for run in self._at(f"{self._dataset}/*/*/seed_*/{MARK}") if run.versions]

    def begun(self) -> list[Run]:
        """The experiments of all data sets, also those without a committed cycle, sorted by their place."""
        return self._at(f"*/*/*/seed_*/{SETTINGS}")

    def _at(self, pattern: str) -> list[Run]:
        homes = sorted(path.parent for path in self._layers.states.glob(pattern))
        return [self.run_at(home) for home in homes if is_seed(home)]

    def run_at(self, home: Path) -> Run:
        """The experiment at `home`."""
        dataset, experiment, strategy, seed = home.parts[-4:]
        number = int(seed.removeprefix("seed_"))
        return Run(dataset, experiment, strategy, number, committed(home), self._layers)

    def save(self, data: None) -> None:
        """Refused: experiments are written by their runs."""
        raise NotImplementedError("experiments are written by their runs")

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self._dataset, "states": str(self._layers.states)}


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
    if not isinstance(table.index, pd.RangeIndex):
        raise BrokenFileError(
            f"{place}: rows have more cells than the first line names columns: save it without row names, "
            "and without commas at the ends of lines."
        )
    return table.apply(lambda cells: cells.str.strip())
