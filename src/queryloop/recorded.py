"""What is recorded of an experiment: whatever changes its results, and the software that made them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.metadata import version
from platform import python_version
from typing import Any

from queryloop import __version__
from queryloop.options import ExperimentOptions
from queryloop.options.strict import Options
from queryloop.samples import LABELLED
from queryloop.storage.state import ASKED_PRECISION
from queryloop.tasks.registry import task_of

_CHANGES_NO_RESULT: Any = {
    "n_cycles": True,
    "raw_root": True,
    "stop": True,
    "comparison": True,
    "tracking": True,
    "data": {"workers"},
    "model": {"nnunet": {"trained"}},  # its content is recorded
    "training": {"device", "threads", "precision"},  # the latter two are recorded as they resolve
}


def settings_of(options: ExperimentOptions, fingerprint: str) -> dict[str, Any]:
    """Whatever changes results: the options, the content they run on, and how numbers are computed.

    Raises as `Task.recorded` does.
    """
    from queryloop.training.compute import precisions, resolve

    asked = options.model_dump(mode="json", exclude=_CHANGES_NO_RESULT)
    if options.start.sampler == LABELLED:
        del asked["start"]["size"]
    return {
        **asked,
        "query": {**asked["query"], **task_of(options.dataset).recorded(options)},
        "samples": fingerprint,
        "sources": task_of(options.dataset).sources(options.model),
        "arm": _arm(options),
        "computing": {**precisions(options.training), "threads": resolve(options.training).threads},
    }


def parameters_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What `settings_of` recorded as parameters again, but for the experiment's name and for paths."""
    computing = settings["computing"]
    precision = ASKED_PRECISION[computing["precision"], computing["scoring_precision"]]
    groups = {group: settings[group] for group in _GROUPS & settings.keys()}
    found = _without({*_OF_PATHS, *task_of(settings["dataset"]).ignored}, groups)
    found["training"] |= {"threads": computing["threads"], "precision": precision}
    return found


def _without(left_out: Collection[str], settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings but for some dotted names."""
    return {
        key: _without(left_out, value, f"{name}.") if isinstance(value, Mapping) else value
        for key, value in settings.items()
        if (name := f"{prefix}{key}") not in left_out
    }


_OF_PATHS = {"query.loops", "model.nnunet.folds", "model.nnunet.checkpoint"}
"""Paths, and what is said of a folder whose path is not recorded."""
_GROUPS = {
    name for name, field in ExperimentOptions.model_fields.items() if isinstance(field.default, Options)
} | {"strategy_options"}


def _arm(options: ExperimentOptions) -> dict[str, Any]:
    """What an arm costs beside its labels: networks trained in each cycle, and data without a label."""
    from queryloop.training.registry import OBJECTIVES

    return {
        "networks": task_of(options.dataset).n_trained(options),
        "trains_on_unlabeled": OBJECTIVES[options.training.beside].uses_pool,
    }


def software() -> str:
    """Versions of what computes; recorded, but no setting: an experiment goes on after an update."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy"))
    return f"queryloop {__version__}, {packages}, Python {python_version()}"
