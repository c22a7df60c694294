"""Score: one pass of the network over each sample gives all that the strategy asks for."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.options import QueryOptions, ScoringOptions, TrainingOptions
from queryloop.storage.samples import Inputs
from queryloop.tasks.registry import task_of
from queryloop.tasks.task import Data, Looking
from queryloop.training.checkpoint import Checkpoint


def collect_evidence(
    checkpoint: Checkpoint,
    pool: pd.DataFrame,
    labeled: pd.DataFrame,
    samples: pd.DataFrame,
    inputs: Inputs,
    splits: pd.DataFrame,
    dataset: str,
    strategy: str,
    strategy_options: dict,
    query: QueryOptions,
    scoring: ScoringOptions,
    training: TrainingOptions,
    seed: int,
) -> Any:
    """What the strategy needs, in memory only; of scans, how the networks are asked for it."""
    task, data, looking = task_of(dataset), Data(samples, splits, inputs), Looking(query, scoring, training)
    chosen = task.strategy(strategy, strategy_options)
    return task.evidence(checkpoint, data, pool, labeled, chosen, looking, seed)


def score_candidates(
    evidence: Any,
    labeled: pd.DataFrame,
    pool: pd.DataFrame,
    dataset: str,
    strategy: str,
    strategy_options: dict,
    query: QueryOptions,
    training: TrainingOptions,
    seed: int,
) -> tuple[pd.DataFrame, list[float]]:
    """The strategy's score of each candidate, higher first; null for a strategy that picks a batch.

    And what it reports of its own predictors, in a list.
    """
    from queryloop.strategies.quality import qualities
    from queryloop.training.compute import isolated, resolve

    task, k = task_of(dataset), tables.query_parts(query, labeled, pool)[0]
    with qualities() as reported, isolated(resolve(training).threads):
        chosen = task.strategy(strategy, strategy_options)
        found = task.scores(evidence, chosen, k=k, seed=tables.query_seed(seed, labeled))
    return found, reported


def create_pipeline() -> Pipeline:
    """Checkpoint and pool to evidence and scores."""
    strategy = ["params:dataset", "params:strategy", "params:strategy_options", "params:query"]
    inputs = ["checkpoint", "pool", "labeled", "samples", "inputs", "splits"]
    looking = [*strategy, "params:scoring", "params:training", "params:seed"]
    scored = ["evidence", "labeled", "pool", *strategy, "params:training", "params:seed"]
    return Pipeline(
        [
            Node(collect_evidence, [*inputs, *looking], "evidence", name="collect_evidence"),
            Node(score_candidates, scored, ["scores", "reported"], name="score"),
        ]
    )
