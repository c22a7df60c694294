"""A query that finds fewer than it asks for is all of them, and says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from queryloop import samples as tables
from queryloop.boxes.resolution import resolve
from queryloop.options import QueryOptions
from queryloop.pipelines.select import select
from queryloop.tasks.segmentation.task import Segmentation
from tests.boxes.made_up import THREE, pool

NOBODY = tables.table("labeled_index")
IDS = np.array([f"{row:06d}" for row in range(5)], dtype=object)
SCORES = tables.table("scores", {"sample_id": IDS, "score": np.linspace(-1, 0, 5)})
LEFT = tables.table("pool_index", {"sample_id": IDS})


def selected(evidence: Any, scores: pd.DataFrame, of: str, strategy: str, size: int) -> list[str]:
    query = QueryOptions(size=size)
    found, _ = select(evidence, scores, [], NOBODY, LEFT, of, strategy, {}, query, seed=0)
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
