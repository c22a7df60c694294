"""An MLflow store: its runs are found by their tags, and told only what they lack."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from queryloop.errors import OptionsError

_ENVIRONMENT = {
    "MLFLOW_CONFIGURE_LOGGING": "false",  # conf/logging.yml says what is shown
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would tell others than the store
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # a store that is away is not to keep a cycle waiting
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # it would with every cycle
}
"""Of MLflow, where nobody has set it."""

_METRICS, _PARAMS = 1000, 100  # in one request
_DESCRIPTION = 8000  # characters
_FINISHED = "FINISHED"
_NO_ANSWER = {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"}


class Number(NamedTuple):
    """A measure of one cycle. step: its labels; moment: of its commit, in milliseconds since 1970."""

    key: str
    value: float
    moment: int
    step: int

    @property
    def place(self) -> tuple[str, int]:
        """Where it stands in a run: key and step."""
        return self.key, self.step


class Store:
    """The MLflow store at an address; its methods raise whatever MLflow does, a store that is away too.

    Raises OptionsError for an address that MLflow does not take.
    """

    def __init__(self, address: str) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            self._client = MlflowClient(address)
        except (MlflowException, ImportError) as error:
            said = without_password(f"tracking.mlflow:{address} cannot be used: {error}")
            raise OptionsError(said) from error

    def run(self, experiment: str, name: str, tags: Mapping[str, str], began: int | None = None) -> Any:
        """The run with these tags, or a new one that began at a moment."""
        place = self._experiment(experiment)
        asked = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        found = self._client.search_runs([place], asked, max_results=1)
        return found[0] if found else self._client.create_run(place, began, dict(tags), name)

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        if found := self._client.get_experiment_by_name(name):
            return found.experiment_id
        try:
            return self._client.create_experiment(name)
        except MlflowException:
            if found := self._client.get_experiment_by_name(name):
                return found.experiment_id  # another process was faster
            raise

    def told(self, run: Any, keys: Iterable[str]) -> set[tuple[str, int]]:
        """Key and step of each number that a run was told under these keys."""
        known = [key for key in keys if key in run.data.metrics]
        histories = (self._client.get_metric_history(run.info.run_id, key) for key in known)
        return {(metric.key, metric.step) for history in histories for metric in history}

    def tell_settings(self, run: Any, settings: Mapping[str, str]) -> None:
        """Give a run the settings that it lacks."""
        from mlflow.entities import Param

        lacking = [Param(key, value) for key, value in settings.items() if key not in run.data.params]
        for some in _in_parts(lacking, _PARAMS):
            self._client.log_batch(run.info.run_id, params=some)

    def tell_numbers(self, run: Any, numbers: Sequence[Number], end: int) -> None:
        """Give a run these numbers in their order, and then its end, a moment."""
        from mlflow.entities import Metric

        for some in _in_parts(numbers, _METRICS):
            self._client.log_batch(run.info.run_id, metrics=[Metric(*number) for number in some])
        self._client.set_terminated(run.info.run_id, _FINISHED, end)

    def tell_files(self, run: Any, folder: Path, description: str) -> None:
        """Give a run all files of a folder in place of those that it has, and a description."""
        self._client.log_artifacts(run.info.run_id, str(folder))
        self._client.set_tag(run.info.run_id, "mlflow.note.content", description[:_DESCRIPTION])
        self._client.set_terminated(run.info.run_id, _FINISHED)


def is_away(error: Exception) -> bool:
    """Whether a store did not answer, rather than refuse what it was told."""
    from mlflow.exceptions import MlflowException

    return not isinstance(error, MlflowException) or error.error_code in _NO_ANSWER


def without_password(text: str) -> str:
    """The text with the users and passwords of its addresses hidden."""
    return re.sub(r"//[^/@\s]*@", "//***@", text)


def _in_parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
