"""Pipelines and catalog as Kedro sees them."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing

import pytest
from kedro.io import MemoryDataset
from kedro.pipeline import Node, Pipeline

from queryloop.pipeline_registry import register_pipelines
from queryloop.storage.experiment import ExperimentDataset

from .tiny import Tiny

PIPELINES = register_pipelines()
NODES = {node.name: node for pipeline in PIPELINES.values() for node in pipeline.nodes}
IN_MEMORY = {
    "asked",
    "labeled",
    "pool",
    "measured",
    "reported",
    "chosen",
    "next_query",
    "strategy_quality",
    "metrics_so_far",
    "reference",
    "curve",
    "gallery",
}
OF_FULL_DATA = {
    *("splits", "labeled", "pool", "previous_checkpoint", "whole_training"),
    *("checkpoint", "measured", "reference"),
}


def stored(pipeline: Pipeline) -> set[str]:
    return {name for name in pipeline.datasets() if not name.startswith("params:")}


def test_cycle_is_the_default() -> None:
    assert PIPELINES["__default__"] == PIPELINES["al_cycle"]


@pytest.mark.parametrize("node", NODES.values(), ids=lambda node: node.name)
def test_hints_of_every_node_resolve_and_name_no_torch(node: Node) -> None:
    hints = typing.get_type_hints(node.func)
    assert set(hints) == {*inspect.signature(node.func).parameters, "return"}
    assert not any("torch" in str(hint) for hint in hints.values())


def test_what_a_cycle_does_not_store_is_listed(tiny: Tiny) -> None:
    assert stored(PIPELINES["al_cycle"]) - set(tiny.catalog().keys()) == IN_MEMORY


def test_what_the_reference_does_not_store_is_its_own(tiny: Tiny) -> None:
    missing = stored(PIPELINES["full_data"]) - set(tiny.catalog().keys())
    assert missing == {f"full_data.{name}" for name in OF_FULL_DATA}


def test_every_entry_of_the_catalog_is_used(tiny: Tiny) -> None:
    used = set().union(*map(stored, PIPELINES.values()))
    entries = {name for name in tiny.catalog().keys() if not name.startswith("param")}  # noqa: SIM118
    assert entries - used == {"timings"}  # saved by the session, after the commit


def test_every_parameter_of_the_nodes_is_configured(tiny: Tiny) -> None:
    catalog = tiny.catalog()
    for pipeline in PIPELINES.values():
        for name in pipeline.datasets() - stored(pipeline):
            assert isinstance(catalog[name], MemoryDataset)


def test_everything_of_an_experiment_lies_at_its_place(tiny: Tiny) -> None:
    identity = {"experiment": "e", "strategy": "entropy", "seed": 3}
    catalog = tiny.catalog(**identity)
    for name in catalog.keys():  # noqa: SIM118
        dataset = catalog[name]
        if isinstance(dataset, ExperimentDataset):
            data, _, *place = dataset.folder.relative_to(tiny.folder).parts[:-1]
            assert (data, place) == ("data", ["digits", "e", "entropy", "seed_3"])
            assert dataset.folder.name.partition(".")[0] in (name, name.removesuffix("_next"), "checkpoint")
            assert dataset.home == tiny.folder / "data/05_model_input/digits/e/entropy/seed_3"


def test_twins_are_one_place(tiny: Tiny) -> None:
    catalog = tiny.catalog()
    for name in ("labeled_index", "pool_index", "query", "metrics", "answers"):
        assert catalog[name].folder == catalog[f"{name}_next"].folder
    assert catalog["checkpoint"].folder == catalog["previous_checkpoint"].folder


def test_labelled_set_is_saved_last() -> None:
    (commit,) = (node for node in PIPELINES["al_cycle"].nodes if "commit" in node.tags)
    assert commit.outputs[-1] == "labeled_index_next"
    assert PIPELINES["al_cycle"].nodes[-1] is commit


def test_previous_labels_are_read_by_the_label_stage_only() -> None:
    readers = {
        name: {node.name for node in PIPELINES["al_cycle"].nodes if name in node.inputs}
        for name in ("labeled_index", "query", "pool_index")
    }
    assert readers == {"labeled_index": {"ask_oracle"}, "query": {"ask_oracle"}, "pool_index": {"take_in"}}


LIGHT = """
import sys
from pathlib import Path
from kedro.framework.cli.cli import KedroCLI
from kedro.framework.session import KedroSession

cli = KedroCLI(Path.cwd())
for command in (["--help"], ["registry", "list"], ["run", "--help"], ["al", "--help"],
                ["catalog", "describe-datasets"], ["catalog", "resolve-patterns"]):
    try:
        cli.main(command, standalone_mode=False)
    except SystemExit as end:
        assert not end.code, command
from kedro.framework.project import pipelines
catalog = KedroSession.create().load_context().catalog
assert len(dict(pipelines)) == 4
assert all(catalog[name] is not None for name in catalog.keys())
heavy = ("torch", "lightning", "mlflow", "plotly", "sklearn", "safetensors")
print([name for name in heavy if name in sys.modules])
"""


def test_commands_that_only_look_import_nothing_heavy(tiny: Tiny) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], cwd=tiny.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert not (tiny.folder / "data").exists()


def test_package_alone_imports_nothing_heavy() -> None:
    code = "import sys, queryloop, queryloop.cli; print({'torch', 'pandas', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
