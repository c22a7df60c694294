"""Hooks: where the content lies, who may commit, and how long each stage took."""

from __future__ import annotations

import time
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Node, Pipeline

from queryloop.pipelines import commits


class CycleHooks:
    """Registered in settings.py; every session and kedro-viz use it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._fingerprints: dict[str, str] = {}

    @hook_impl
    def after_context_created(self) -> None:
        """A run begins: whatever was said of source files may have changed since."""
        self._fingerprints = {}

    @hook_impl
    def after_catalog_created(self, catalog: Any, parameters: dict[str, Any]) -> None:
        """Tell the content datasets how to find their fingerprint, once they are used."""
        from queryloop.storage.content import locate_content

        known = self._fingerprints  # each cycle has a catalog of its own, but the files are hashed once

        def fingerprint() -> str:
            from queryloop.options import DataOptions
            from queryloop.readers.registry import find, fingerprint

            said = [str(parameters[f"params:{name}"]) for name in ("dataset", "raw_root", "data")]
            if (key := repr(said)) not in known:
                data = DataOptions.model_validate(parameters["params:data"])
                dataset = find(said[0], data)
                known[key] = fingerprint(dataset, catalog.load("raw_files"), data)
            return known[key]

        def of_inputs() -> str:
            from queryloop.options import ModelOptions

            model = ModelOptions.model_validate(parameters["params:model"])
            if model.freeze == "none":
                return fingerprint()
            from queryloop.training.frozen import frozen_trunk

            shape = catalog.load("images").shape[1:]
            return frozen_trunk(model, shape, parameters["params:seed"]).fingerprint(fingerprint())

        locate_content(catalog, fingerprint, of_inputs)

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: Any) -> None:
        """Refuse to commit outside of the loop, before anything is trained."""
        if commits(pipeline):
            from queryloop.storage import lock

            lock.require(catalog["labeled_index"].home)
        self.seconds.clear()
        self._began.clear()

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """A node begins with its first input."""
        self._began.setdefault(node.name, time.perf_counter())

    @hook_impl
    def after_dataset_saved(self, node: Node) -> None:
        """A node ends with its last output."""
        self.seconds[node.name] = time.perf_counter() - self._began[node.name]


cycle_hooks = CycleHooks()
