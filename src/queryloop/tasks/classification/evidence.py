"""What the networks say of candidates and of the rows beside them, as strategies name it."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import pandas as pd

from queryloop import samples as tables
from queryloop.errors import naming_rows
from queryloop.options import QueryOptions, ScoringOptions, TrainingOptions
from queryloop.randomness import derived_seed
from queryloop.strategies import Strategy
from queryloop.tasks.classification.prediction import Draws, predict
from queryloop.tasks.task import Data, Looking
from queryloop.training.checkpoint import Checkpoint


def collected(
    checkpoint: Checkpoint,
    data: Data,
    pool: pd.DataFrame,
    labeled: pd.DataFrame,
    strategy: Strategy,
    looking: Looking,
    seed: int,
) -> dict[str, Any]:
    """What the strategy needs, by name; `ids` says who the candidates are.

    A need is seen in the candidates, or by its prefix in the labelled, the transfer or the target rows.
    Transfer rows are validation rows that the training has not seen: it did not stop by them.
    """
    query, scoring, training = looking.query, looking.scoring, looking.training
    cycle = tables.next_cycle(labeled) - 1
    candidates = tables.candidates(pool, query.candidates, seed, cycle)
    seen = {
        "": candidates,
        "labeled_": labeled,
        "val_": tables.known(data.samples, data.splits, "transfer"),
        "target_": tables.candidates(pool, scoring.targets, seed, cycle, "targets"),
    }
    wanted = _by_prefix(strategy.needs, seen)
    look = partial(_look, checkpoint, data, _draws(scoring, seed, cycle), cycle, training)
    evidence: dict[str, Any] = {"ids": candidates["sample_id"].tolist()}
    for prefix, needs in wanted.items():
        evidence |= {prefix + name: value for name, value in look(needs, seen[prefix]).items()}
    return evidence | _known_beside(strategy.needs, evidence, labeled, seen["val_"], data.samples, query)


def _draws(scoring: ScoringOptions, seed: int, cycle: int) -> Draws:
    members: Literal["dropout", "ensemble"] = "ensemble" if scoring.members == "ensemble" else "dropout"
    return Draws(members, scoring.mc_samples, derived_seed(seed, cycle, "draws of the weights"))


def _look(
    checkpoint: Checkpoint,
    data: Data,
    draws: Draws,
    cycle: int,
    training: TrainingOptions,
    needs: frozenset[str],
    of: pd.DataFrame,
) -> dict[str, Any]:
    """What the networks say of some samples."""
    ids = of["sample_id"].tolist()
    with naming_rows(ids, f"cycle {cycle}, scoring"):
        return predict(checkpoint, data.inputs, tables.rows_of(data.samples, ids), needs, training, draws)


def _by_prefix(needs: frozenset[str], prefixes: Any) -> dict[str, frozenset[str]]:
    """What the networks are asked, for each kind of rows."""
    asked = {"val_probs" if need == "val_correct" else need for need in needs - _NOT_SEEN}
    longest = {need: max((p for p in prefixes if need.startswith(p)), key=len) for need in asked}
    return {
        prefix: frozenset(need.removeprefix(prefix) for need in asked if longest[need] == prefix)
        for prefix in sorted(set(longest.values()))
    }


_NOT_SEEN = frozenset({"ids", "labels", "progress"})


def _known_beside(
    needs: frozenset[str],
    seen: dict[str, Any],
    labeled: pd.DataFrame,
    transfer: pd.DataFrame,
    samples: pd.DataFrame,
    query: QueryOptions,
) -> dict[str, Any]:
    """What no network has to look for."""
    found: dict[str, Any] = {}
    if "labels" in needs:
        found["labels"] = tables.labelled_rows(samples, labeled)[1]
    if "progress" in needs:
        found["progress"] = tables.progress(labeled, query)
    if "val_correct" in needs:
        truth = tables.labelled_rows(samples, transfer)[1]
        found["val_correct"] = seen["val_probs"].argmax(dim=1).numpy() == truth
    return found
