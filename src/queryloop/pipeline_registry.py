"""The pipelines by name; a cycle is `al_cycle`, which is also the default."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from queryloop.pipelines import (
    commit,
    compare,
    embed,
    evaluate,
    full_data,
    ingest,
    label,
    report,
    score,
    select,
    split,
    train,
)

STAGES = (ingest, embed, split, label, train, evaluate, score, select, report, commit)


def register_pipelines() -> dict[str, Pipeline]:
    """One cycle of active learning, the reference trained on all labels, and the comparison."""
    al_cycle = sum((stage.create_pipeline() for stage in STAGES), Pipeline([]))
    return {
        "__default__": al_cycle,
        "al_cycle": al_cycle,
        "full_data": full_data.create_pipeline(),
        "compare": compare.create_pipeline(),
    }
