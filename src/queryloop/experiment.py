"""One experiment as its run sees it: what was asked for, where it lies, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from queryloop.errors import OptionsError, unknown
from queryloop.options import ExperimentOptions, parse

IDENTITY = ("experiment", "dataset", "strategy", "seed", "raw_root")
_CHANGES_NO_RESULT: Any = {
    "n_cycles": True,
    "raw_root": True,
    "data": {"workers"},
    "training": {"device", "threads", "precision"},  # recorded as they resolve
}


def read_options(loader: Any, runtime: Mapping[str, Any]) -> ExperimentOptions:
    """The options of a run, checked before anything runs.

    Raises OptionsError for a wrong key, value or name, and where the parameters name another
    experiment than the paths of the catalog.
    """
    parameters = loader["parameters"]
    options = parse(parameters)
    in_paths = {**loader["globals"], **runtime}
    for key in IDENTITY:
        if str(parameters[key]) != str(in_paths[key]):
            raise OptionsError(
                f"parameter {key!r} is {parameters[key]} in parameters.yml, but the paths of the catalog are "
                f"made with {in_paths[key]}: set {key} in conf/<env>/globals.yml or with --params={key}:..."
            )
    _check_names(options)
    return options


def _check_names(options: ExperimentOptions) -> None:
    from queryloop.oracles.registry import find as find_oracle
    from queryloop.readers.registry import find as find_dataset

    find_dataset(options.dataset)
    find_oracle(options.oracle.name)

    from queryloop.models.registry import MODELS
    from queryloop.strategies import resolve

    if options.model.name not in MODELS:
        raise unknown("model", options.model.name, MODELS)
    resolve(options.strategy, options.strategy_options)


def settings_of(options: ExperimentOptions, fingerprint: str) -> dict[str, Any]:
    """Whatever changes results: the options, the content they run on, and how numbers are computed."""
    from queryloop.training.compute import resolve

    compute = resolve(options.training)
    return {
        **options.model_dump(mode="json", exclude=_CHANGES_NO_RESULT),
        "samples": fingerprint,
        "computing": {"precision": compute.precision, "threads": compute.threads},
    }


def state_folders(catalog: Any) -> list[Path]:
    """The folders of all versioned datasets of the experiment, each once."""
    from queryloop.storage.experiment import ExperimentDataset

    datasets = (catalog[name] for name in catalog.keys() if not name.startswith("param"))  # noqa: SIM118
    return sorted({d.folder for d in datasets if isinstance(d, ExperimentDataset) and d.is_versioned})
