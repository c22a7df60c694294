from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from queryloop import samples as tables
from queryloop.options import QueryOptions, ScoringOptions, TrainingOptions
from queryloop.pipelines import score
from queryloop.strategies import resolve
from queryloop.tasks.classification import evidence
from queryloop.tasks.classification.networks import train
from queryloop.tasks.task import Recipe
from queryloop.training import compute
from queryloop.training.checkpoint import Checkpoint
from tests.tasks.conftest import CLASSES, IMAGES, LABELS, MODEL, TRAINING

TRAINED, POOL, K = 100, 900, 20
NOW = pd.Timestamp("2026-01-01", tz="UTC")
IDS = [f"{row:06d}" for row in range(len(IMAGES))]
SAMPLES = tables.table("samples", {"sample_id": IDS, "label": LABELS.astype(str), "split": "train"})
SPLITS = tables.table("splits", {"sample_id": IDS, "split": "train"})
LABELED = tables.resolve_labels(
    tables.asked(tables.table("labeled_index"), tables.query(IDS[:TRAINED]), "random"),
    tables.table("answers", SAMPLES.head(TRAINED)[["sample_id", "label"]].assign(labeled_at=NOW)),
)
QUERY = QueryOptions(size=K)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    model = MODEL.model_copy(update={"dropout": 0.5})
    rows = np.arange(TRAINED)
    return train(IMAGES, (rows, LABELS[:TRAINED]), CLASSES, Recipe(model, TRAINING, 0))


def collected(checkpoint: Checkpoint, strategy: str, training: TrainingOptions) -> dict[str, Any]:
    pool = tables.table("pool_index", {"sample_id": IDS[TRAINED : TRAINED + POOL]})
    given = (checkpoint, pool, LABELED, SAMPLES, IMAGES, SPLITS)
    return score.collect_evidence(*given, "digits", strategy, {}, QUERY, ScoringOptions(), training, seed=0)


def test_what_learns_on_validation_samples_learns_once(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "_native_bf16", lambda device: True)
    monkeypatch.setattr(evidence, "sharpened", None)
    found = collected(checkpoint, "active_transfer", TRAINING.model_copy(update={"precision": "auto"}))
    assert len(found["probs"]) == POOL


@pytest.mark.parametrize("name", ["margin", "bald", "grand", "model_outliers_mean", "power_entropy"])
def test_a_quick_look_first_changes_no_query(
    checkpoint: Checkpoint, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    predict = evidence.predict

    def counting(*arguments: Any) -> Any:
        rows.append(len(arguments[2]))
        return predict(*arguments)

    exact = collected(checkpoint, name, TRAINING)
    monkeypatch.setattr(compute, "_native_bf16", lambda device: True)
    monkeypatch.setattr(evidence, "predict", counting)
    hasty = collected(checkpoint, name, TRAINING.model_copy(update={"precision": "auto"}))
    chosen = resolve(name)
    seed = tables.query_seed(0, LABELED)
    queries = [chosen.choose(chosen.score(given, seed), given, k=K, seed=seed) for given in (hasty, exact)]
    assert queries[0].positions.tolist() == queries[1].positions.tolist()
    assert torch.equal(queries[0].scores, queries[1].scores)
    assert rows[0] == POOL
    assert sum(rows) < 2 * POOL
