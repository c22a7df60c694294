"""Whatever commits a cycle goes through the loop, its lock and its checks, or is refused."""

from __future__ import annotations

from typing import Any

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.framework.project import pipelines, settings
from kedro.framework.session import KedroSession
from kedro.runner import SequentialRunner

from queryloop.errors import message_of

from .tiny import Tiny

LOOPED = [[], ["--pipelines=al_cycle"], ["--pipeline=al_cycle"], ["--pipelines=__default__"]]
NARROWED = [
    ["--from-nodes=ingest"],
    ["--from-nodes=train"],
    ["--nodes=commit"],
    ["--to-nodes=commit"],
    ["--tags=commit"],
    ["--from-inputs=labeled_index"],
    ["--to-outputs=labeled_index_next"],
    ["--load-versions=query:2024-01-01T00.00.00.000Z"],
    ["--only-missing-outputs"],
    ["--runner=ThreadRunner"],
    ["--runner=ParallelRunner"],
    ["--async"],
    ["--pipelines=al_cycle,full_data"],
    ["--pipelines=al_cycle", "--nodes=report,commit"],
]


@pytest.mark.parametrize("options", LOOPED, ids=" ".join)
def test_every_name_of_the_cycle_is_the_loop(finished: Tiny, options: list[str]) -> None:
    result = finished.run("strategy:entropy,n_cycles:3", *options, pipeline=None)
    assert "All 3 cycles are done" in result.stdout


@pytest.mark.parametrize("options", NARROWED, ids=" ".join)
def test_narrowed_commit_is_refused_and_changes_nothing(finished: Tiny, options: list[str]) -> None:
    before = finished.tree()
    result = finished.run("strategy:entropy,n_cycles:4", *options, pipeline=None)
    assert result.exit_code == 1
    assert options[-1].split(":")[0].split("=")[0] in result.stderr
    assert "--to-nodes=select" in result.stderr
    assert finished.tree() == before


def test_a_part_that_only_adds_answers_has_the_lock(begun: Tiny) -> None:
    result = begun.run("strategy:entropy,n_cycles:4", "--nodes=ask_oracle", pipeline=None)
    assert result.exit_code == 0, result.output


def test_refusal_comes_before_a_first_cycle_too(tiny: Tiny) -> None:
    assert tiny.run("", "--nodes=commit").exit_code == 1
    assert tiny.tree() == {}


def test_session_of_a_notebook_is_the_loop(begun: Tiny) -> None:
    session = settings.SESSION_CLASS.create(
        project_path=begun.folder, runtime_params={"strategy": "entropy", "n_cycles": 4}
    )
    session.run()
    assert begun.load("metrics", strategy="entropy")["cycle"].tolist() == [1, 2, 3, 4]


def test_session_of_a_notebook_runs_again_to_extend(begun: Tiny) -> None:
    for n_cycles in (3, 4):
        begun.session(strategy="entropy", n_cycles=n_cycles).run(pipeline_name="al_cycle")
    assert len(begun.load("metrics", strategy="entropy")) == 4


def plain_session(tiny: Tiny) -> None:
    KedroSession.create(project_path=tiny.folder, runtime_params={"strategy": "entropy"}).run()


def runner_with_hooks(tiny: Tiny) -> None:
    hooks = _create_hook_manager()
    hooks.register(settings.HOOKS[0])
    SequentialRunner().run(pipelines["al_cycle"], tiny.catalog(strategy="entropy"), hooks)


def runner_alone(tiny: Tiny) -> None:
    SequentialRunner().run(pipelines["al_cycle"], tiny.catalog(strategy="entropy"))


def save_of(name: str) -> Any:
    def save(tiny: Tiny) -> None:
        catalog = tiny.catalog(strategy="entropy")
        catalog.save(name, catalog.load(name.removesuffix("_next")))

    save.__name__ = f"save_{name}"
    return save


SAVED = ["labeled_index_next", "query_next", "pool_index_next", "metrics_next", "answers_next", "checkpoint"]
WAYS = [plain_session, runner_with_hooks, runner_alone, *map(save_of, SAVED)]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_python_without_the_loop_is_refused_and_changes_nothing(finished: Tiny, way: Any) -> None:
    before = finished.tree()
    with pytest.raises(Exception, match="written only by its own run") as caught:
        way(finished)
    assert message_of(caught.value).startswith("the experiment at")
    assert finished.tree() == before


def test_slice_without_commit_leaves_nothing_that_counts(begun: Tiny, finished: Tiny) -> None:
    committed = begun.tree()
    result = begun.run("strategy:entropy", "--to-nodes=select")
    assert result.exit_code == 0, result.output
    assert len(begun.versions("checkpoint", strategy="entropy")) == 4
    assert committed.items() <= begun.tree().items()
    for name in ("query", "checkpoint", "scores"):
        assert begun.catalog(strategy="entropy")[name].resolve_load_version() == (
            finished.catalog(strategy="entropy")[name].resolve_load_version()
        )
    assert begun.run("strategy:entropy,n_cycles:3").exit_code == 0
    assert begun.versions("checkpoint", strategy="entropy")[-1].parent.name == (
        begun.versions("labeled_index", strategy="entropy")[-1].parent.name
    )


def test_experiment_after_a_slice_is_as_the_undisturbed_one(tiny: Tiny, finished: Tiny) -> None:
    for n_cycles, options in ((1, ["--to-nodes=select"]), (1, []), (1, ["--to-nodes=train"]), (3, [])):
        assert tiny.run(f"strategy:entropy,n_cycles:{n_cycles}", *options).exit_code == 0
    for name in ("metrics", "query", "scores", "pool_index"):
        mine, theirs = (project.load(name, strategy="entropy") for project in (tiny, finished))
        assert mine.equals(theirs)


def test_slice_of_shared_stages_needs_no_experiment(tiny: Tiny) -> None:
    assert tiny.run("", "--to-nodes=ingest").exit_code == 0
    assert {path.split("/")[1] for path in tiny.tree()} == {"03_primary"}


def test_unknown_pipeline_is_refused_with_the_nearest(tiny: Tiny) -> None:
    result = tiny.run(pipeline="al_cycel")
    assert result.exit_code == 1
    assert "al_cycle" in result.stderr
    assert tiny.tree() == {}
