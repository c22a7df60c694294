"""What `kedro al verify` checks: every stored file, and that every experiment has all its parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from queryloop.errors import QueryloopError, StateError, examples
from queryloop.experiment import Experiment
from queryloop.storage import state
from queryloop.storage.files import SEAL
from queryloop.storage.results import is_seed
from queryloop.storage.run import Run


def verify_all(experiment: Experiment) -> tuple[int, list[str]]:
    """Number of files checked, and a sentence for each problem, over all of data/."""
    data = experiment.home.parents[4]
    n_files, problems = state.damaged(data)
    for place in _places(data):
        problems += _lost(experiment, experiment.home.parents[3] / place)
    return n_files, problems


def _places(data: Path) -> list[Path]:
    """Where experiments lie in each layer, by whatever is left of them in any."""
    found = (
        Path(*place.relative_to(data).parts[1:])
        for place in data.glob("*/*/*/*/seed_*")
        if is_seed(place) and any(place.rglob(f"*{SEAL}"))
    )
    return sorted(set(found))


def _lost(experiment: Experiment, home: Path) -> Iterator[str]:
    """A sentence where the experiment at `home` lacks a part."""
    here, run = experiment.home, experiment.catalog["experiments"].run_at(home)
    folders = [_in_place_of(folder, here, home) for folder in experiment.folders]
    try:
        if state.read_settings(home) is None:
            raise StateError(f"{home / state.SETTINGS} is missing: restore it from a copy.")
        state.check_parts(home, folders, _in_place_of(experiment.timings, here, home))
        state.check_origins(home, [_in_place_of(path, here, home) for path in experiment.written_once])
        _check_answers(run)
    except QueryloopError as error:
        yield str(error)


def _check_answers(run: Run) -> None:
    """Raise StateError where what the labelled set was answered with is not there."""
    if not run.versions:
        return
    unanswered = run.labeled.loc[~run.labeled["sample_id"].isin(run.answers["sample_id"]), "sample_id"]
    if len(unanswered):
        raise StateError(
            f"{run.home}/answers.parquet has no answer to {len(unanswered)} samples of the labelled set "
            f"({examples(unanswered.tolist())}): restore its files from a copy."
        )


def _in_place_of(path: Path, here: Path, home: Path) -> Path:
    """The same of another experiment: the same layer and name, in the other's place."""
    place, other = (each.relative_to(here.parents[3]).as_posix() for each in (here, home))
    return Path(path.as_posix().replace(place, other))
