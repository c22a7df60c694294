"""A query that finds fewer than it asks for is all of them, and says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from queryloop import samples as tables
from queryloop.boxes.resolution import resolve
from queryloop.options import QueryOptions, TrainingOptions
from queryloop.pipelines.score import score_candidates
from queryloop.pipelines.select import select
from queryloop.tasks.classification.task import Classification
from queryloop.tasks.segmentation.task import Segmentation
from tests.boxes.made_up import THREE, pool

NOBODY = tables.table("labeled_index")
IDS = np.array([f"{row:06d}" for row in range(5)], dtype=object)
SCORES = tables.table("scores", {"sample_id": IDS, "score": np.linspace(-1, 0, 5)})
LEFT = tables.table("pool_index", {"sample_id": IDS})


def selected(evidence: Any, scores: pd.DataFrame, of: str, strategy: str, size: int) -> list[str]:
    query, training = QueryOptions(size=size), TrainingOptions(threads=1)
    found, _ = select(evidence, scores, [], NOBODY, LEFT, of, strategy, {}, query, training, seed=0)
    return found["sample_id"].tolist()


@pytest.mark.parametrize("name", ["entropy", "random"])
def test_boxes(name: str, caplog: pytest.LogCaptureFixture) -> None:
    given = pool(THREE, per_case=1)
    scores = Segmentation().scores(given, resolve(name), k=90, seed=0)
    assert sorted(selected(given, scores, "phantom", name, 90)) == sorted(scores["sample_id"])
    (said,) = (record.getMessage() for record in caplog.records)
    assert f"90 boxes were asked for, but only {len(scores)} can be had" in said
    assert ("query.per_case" in said) == ("query.stride" in said) == (name == "entropy")


def test_a_loop_is_as_long_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    given = pool(THREE)
    scores = Segmentation().scores(given, resolve("replay"), k=90, seed=0)
    assert given.loop is not None
    assert selected(given, scores, "phantom", "replay", 90) == [box.id for box in given.loop]
    assert not caplog.records


def test_where_all_scans_are_full_nothing_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    scores = Segmentation().scores(pool({}), resolve("entropy"), k=3, seed=0)
    assert selected(pool({}), scores, "phantom", "entropy", 3) == []
    assert not caplog.records


def test_images(caplog: pytest.LogCaptureFixture) -> None:
    evidence = {"ids": IDS, "probs": torch.full((5, 4), 0.25)}
    assert selected(evidence, SCORES, "digits", "margin", 3) == IDS[:1:-1].tolist()
    assert not caplog.records
    assert selected(evidence, SCORES, "digits", "margin", 8) == IDS[::-1].tolist()
    (said,) = (record.getMessage() for record in caplog.records)
    assert "8 samples were asked for, but only 5 can be had" in said
    assert "query.candidates" in said


@pytest.mark.parametrize("threads", [1, 3])
def test_strategies_compute_in_the_threads_that_are_recorded(
    monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    seen, training, before = [], TrainingOptions(threads=threads), torch.get_num_threads()
    monkeypatch.setattr(Classification, "scores", lambda *_, **__: seen.append(torch.get_num_threads()))
    monkeypatch.setattr(Classification, "chosen", lambda *_, **__: seen.append(torch.get_num_threads()))
    asked: Any = (NOBODY, LEFT, "digits", "margin", {}, QueryOptions(size=3), training, 0)
    score_candidates({}, *asked)
    select({}, SCORES, [], *asked)
    assert (seen, torch.get_num_threads()) == ([threads, threads], before)
