"""Score: one pass of the network over the pool gives all that the strategy asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.errors import naming_rows
from queryloop.options import QueryOptions, TrainingOptions
from queryloop.training.checkpoint import Checkpoint


def collect_evidence(
    checkpoint: Checkpoint,
    pool: pd.DataFrame,
    labeled: pd.DataFrame,
    samples: pd.DataFrame,
    images: np.ndarray,
    strategy: str,
    strategy_options: dict,
    query: QueryOptions,
    training: TrainingOptions,
    seed: int,
) -> dict[str, Any]:
    """What the strategy needs of the candidates, by name, in memory only; `ids` says which they are."""
    from queryloop.strategies import resolve
    from queryloop.tasks import classification

    cycle = tables.next_cycle(labeled) - 1
    ids = tables.candidates(pool, query.candidates, seed, cycle)["sample_id"].tolist()
    needs = resolve(strategy, strategy_options).needs - {"ids"}
    with naming_rows(ids, f"cycle {cycle}, scoring"):
        evidence = classification.predict(checkpoint, images, tables.rows_of(samples, ids), needs, training)
    return {"ids": ids, **evidence}


def score_candidates(
    evidence: dict, strategy: str, strategy_options: dict, labeled: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """The strategy's score of each candidate, higher first; null for a strategy that picks a batch."""
    from queryloop.strategies import resolve

    scores = resolve(strategy, strategy_options).score(evidence, tables.query_seed(seed, labeled))
    values = np.full(len(evidence["ids"]), np.nan) if scores is None else scores.double().cpu().numpy()
    return tables.table("scores", {"sample_id": evidence["ids"], "score": values})


def create_pipeline() -> Pipeline:
    """Checkpoint and pool to evidence and scores."""
    strategy = ["params:strategy", "params:strategy_options"]
    inputs = ["checkpoint", "pool", "labeled", "samples", "images"]
    options = [*strategy, "params:query", "params:training", "params:seed"]
    return Pipeline(
        [
            Node(collect_evidence, [*inputs, *options], "evidence", name="collect_evidence"),
            Node(score_candidates, ["evidence", *strategy, "labeled", "params:seed"], "scores", name="score"),
        ]
    )
