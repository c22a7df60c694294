"""The stages of a cycle as Kedro nodes."""

from __future__ import annotations

from kedro.pipeline import Pipeline

COMMIT = "commit"
"""Tag of the node that makes a cycle visible."""


def commits(pipeline: Pipeline) -> bool:
    """Whether a run of this pipeline would commit a cycle."""
    return any(COMMIT in node.tags for node in pipeline.nodes)
