"""What `kedro al tune` does: search, show, and write the result where the next runs read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from queryloop.errors import OptionsError
from queryloop.experiment import Experiment
from queryloop.inspection import show
from queryloop.session import CycleSession
from queryloop.sweeps.tuning import Start, Trial, best_of, search, start_of

FILE = "parameters_tuned.yml"
_SUFFIXES = (".yml", ".yaml", ".json")
_ENV = "local"  # where Kedro looks when no --env is given


def tune(env: str | None, params: dict[str, Any], n_trials: int, n_seeds: int, n_folds: int) -> None:
    """Search, print the trials and write the best into conf/<env>/parameters_tuned.yml."""
    starts = [_start(env, params, seed) for seed in range(n_seeds)]
    folder = Path.cwd() / "conf" / (env or _ENV)
    fixed = _set_by_hand(folder, params)
    if fixed:
        click.echo(f"Set by hand, and left as they are: {', '.join(fixed)}.")
    trials = search(starts, fixed, n_trials, n_folds)
    best = best_of(trials)
    _show_trials(trials)
    n_labels = sum(len(start.rows) for start in starts)
    path = _write(
        folder, best, f"{n_trials} trials, {n_folds} folds of {n_seeds} starting sets, {n_labels} labels"
    )
    click.echo(
        f"Written to {path.relative_to(Path.cwd())}: it holds from the next run on; delete it to undo."
    )


def _start(env: str | None, params: dict[str, Any], seed: int) -> Start:
    """The starting set of the random arm, whose data set is read first where it was not."""
    for key in ("strategy", "seed"):
        if key in params:
            raise OptionsError(f"--params cannot hold {key}: tuning takes the random arm of each seed.")
    runtime = {**params, "strategy": "random", "seed": seed}
    session: Any = CycleSession.create(env=env, runtime_params=runtime)
    experiment = Experiment.of(session.load_context(), runtime)
    catalog = experiment.catalog
    if not all(catalog.exists(name) for name in ("samples", "images", "features")):
        session.run(pipeline_names=["al_cycle"], node_names=["ingest", "extract"])
    return start_of(catalog, experiment.options)


def _set_by_hand(folder: Path, params: dict[str, Any]) -> list[str]:
    """Keys of `training` that the environment's own files or --params hold."""
    groups = [params.get("training", {})]
    for path in folder.rglob("*"):  # as Kedro looks for parameters
        places = path.relative_to(folder).parts
        if path.suffix in _SUFFIXES and path.name != FILE and any(p.startswith("parameters") for p in places):
            groups.append((yaml.safe_load(path.read_text()) or {}).get("training", {}))
    return sorted({key for group in groups for key in group})


def _show_trials(trials: Sequence[Trial]) -> None:
    ranked = sorted(enumerate(trials), key=lambda each: (-each[1].accuracy, each[1].nll))
    rows = [
        [str(number or "now"), *map(str, trial.chosen.values()), f"{trial.accuracy:.4f}", f"{trial.nll:.3f}"]
        for number, trial in ranked
    ]
    show(["trial", *trials[0].chosen, "accuracy", "nll"], rows)


def _write(folder: Path, best: Trial, how: str) -> Path:
    path = folder / FILE
    folder.mkdir(parents=True, exist_ok=True)
    text = (
        "# Written by kedro al tune: the best of random search with the random arm, cross-validated on the\n"
        f"# labels of the starting set alone ({how}):\n"
        f"# accuracy {best.accuracy:.4f}, NLL {best.nll:.3f} on labels that were held out.\n"
        + yaml.safe_dump({"training": best.chosen}, sort_keys=False)
    )
    draft = path.with_suffix(".tmp")
    draft.write_text(text)
    draft.replace(path)
    return path
