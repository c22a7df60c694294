"""Score: one pass of the network over each row gives all that the strategy asks for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline

from queryloop import samples as tables
from queryloop.errors import naming_rows
from queryloop.options import QueryOptions, ScoringOptions, TrainingOptions
from queryloop.randomness import derived_seed
from queryloop.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    from queryloop.tasks.classification import Draws


def collect_evidence(
    checkpoint: Checkpoint,
    pool: pd.DataFrame,
    labeled: pd.DataFrame,
    samples: pd.DataFrame,
    inputs: np.ndarray,
    splits: pd.DataFrame,
    strategy: str,
    strategy_options: dict,
    query: QueryOptions,
    scoring: ScoringOptions,
    training: TrainingOptions,
    seed: int,
) -> dict[str, Any]:
    """What the strategy needs, by name, in memory only; `ids` says who the candidates are.

    A need is seen in the candidates, or by its prefix in the labelled, the transfer or the target rows.
    Transfer rows are validation rows that the training has not seen: it did not stop by them. Where a
    quicker look is to be had, a scorer's pool gets it first, and exact numbers where they decide the query.
    """
    from queryloop.strategies import resolve
    from queryloop.strategies.sharpen import sharpened
    from queryloop.training.compute import quick

    cycle = tables.next_cycle(labeled) - 1
    chosen = resolve(strategy, strategy_options)
    candidates = tables.candidates(pool, query.candidates, seed, cycle)
    transfer = tables.known(samples, splits, "transfer")
    seen = {
        "": candidates,
        "labeled_": labeled,
        "val_": transfer,
        "target_": tables.candidates(pool, scoring.targets, seed, cycle, "targets"),
    }
    wanted = _by_prefix(chosen.needs, seen)
    look = partial(_look, checkpoint, inputs, samples, _draws(scoring, seed, cycle), cycle)
    k = tables.query_size(query, labeled, pool, len(candidates))
    rough = quick(training) if wanted.get("") and chosen.is_scorer and 0 < 4 * k < len(candidates) else None
    evidence: dict[str, Any] = {"ids": candidates["sample_id"].tolist()}
    for prefix, needs in wanted.items():
        found = look(training if prefix else rough or training, needs, seen[prefix])
        evidence |= {prefix + name: value for name, value in found.items()}
    evidence |= _known(chosen.needs, evidence, labeled, transfer, samples, query, cycle)
    if rough is None:
        return evidence
    exact = partial(look, training, wanted[""])
    query_seed = tables.query_seed(seed, labeled)
    return sharpened(chosen, evidence, lambda rows: exact(candidates.iloc[rows]), k=k, seed=query_seed)


def _draws(scoring: ScoringOptions, seed: int, cycle: int) -> Draws:
    from queryloop.tasks.classification import Draws

    members: Literal["dropout", "ensemble"] = "ensemble" if scoring.members == "ensemble" else "dropout"
    return Draws(members, scoring.mc_samples, derived_seed(seed, cycle, "draws of the weights"))


def _look(
    checkpoint: Checkpoint,
    inputs: np.ndarray,
    samples: pd.DataFrame,
    draws: Draws,
    cycle: int,
    training: TrainingOptions,
    needs: frozenset[str],
    of: pd.DataFrame,
) -> dict[str, Any]:
    """What the networks say of some samples."""
    from queryloop.tasks import classification

    ids = of["sample_id"].tolist()
    with naming_rows(ids, f"cycle {cycle}, scoring"):
        rows = tables.rows_of(samples, ids)
        return classification.predict(checkpoint, inputs, rows, needs, training, draws)


def _by_prefix(needs: frozenset[str], prefixes: Any) -> dict[str, frozenset[str]]:
    """What the networks are asked, for each kind of rows."""
    asked = {"val_probs" if need == "val_correct" else need for need in needs - _NOT_SEEN}
    longest = {need: max((p for p in prefixes if need.startswith(p)), key=len) for need in asked}
    return {
        prefix: frozenset(need.removeprefix(prefix) for need in asked if longest[need] == prefix)
        for prefix in sorted(set(longest.values()))
    }


_NOT_SEEN = frozenset({"ids", "labels", "progress"})


def _known(
    needs: frozenset[str],
    seen: dict[str, Any],
    labeled: pd.DataFrame,
    transfer: pd.DataFrame,
    samples: pd.DataFrame,
    query: QueryOptions,
    cycle: int,
) -> dict[str, Any]:
    """What no network has to look for."""
    found: dict[str, Any] = {}
    if "labels" in needs:
        found["labels"] = tables.labelled_rows(samples, labeled)[1]
    if "progress" in needs:
        found["progress"] = min(1.0, (cycle - 1) / (query.schedule_cycles - 1))
    if "val_correct" in needs:
        truth = tables.labelled_rows(samples, transfer)[1]
        found["val_correct"] = seen["val_probs"].argmax(dim=1).numpy() == truth
    return found


def score_candidates(
    evidence: dict, strategy: str, strategy_options: dict, labeled: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, list[float]]:
    """The strategy's score of each candidate, higher first; null for a strategy that picks a batch.

    And what it reports of its own predictors, in a list.
    """
    from queryloop.strategies import resolve
    from queryloop.strategies.quality import qualities

    with qualities() as reported:
        scores = resolve(strategy, strategy_options).score(evidence, tables.query_seed(seed, labeled))
    values = np.full(len(evidence["ids"]), np.nan) if scores is None else scores.double().cpu().numpy()
    return tables.table("scores", {"sample_id": evidence["ids"], "score": values}), reported


def create_pipeline() -> Pipeline:
    """Checkpoint and pool to evidence and scores."""
    strategy = ["params:strategy", "params:strategy_options"]
    inputs = ["checkpoint", "pool", "labeled", "samples", "inputs", "splits"]
    options = [*strategy, "params:query", "params:scoring", "params:training", "params:seed"]
    return Pipeline(
        [
            Node(collect_evidence, [*inputs, *options], "evidence", name="collect_evidence"),
            Node(
                score_candidates,
                ["evidence", *strategy, "labeled", "params:seed"],
                ["scores", "reported"],
                name="score",
            ),
        ]
    )
