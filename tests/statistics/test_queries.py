"""Classes and redundancy of what was asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

from queryloop.statistics.queries import class_histogram, redundancy


def test_shares_and_evenness_of_classes() -> None:
    queried = pd.DataFrame({"strategy": ["r"] * 4 + ["m"] * 2, "label": list("aabbaa")})
    one, two = class_histogram(queried, ["a", "b"]).to_dict("records")
    assert one == {"strategy": "r", "evenness": pytest.approx(1.0), "a": 0.5, "b": 0.5}
    assert two == {"strategy": "m", "evenness": 0.0, "a": 1.0, "b": 0.0}


def test_a_class_that_nobody_asked_for_counts() -> None:
    (one,) = class_histogram(
        pd.DataFrame({"strategy": "r", "label": list("ab")}), ["a", "b", "c", "d"]
    ).to_dict("records")
    assert one == {"strategy": "r", "evenness": pytest.approx(0.5), "a": 0.5, "b": 0.5, "c": 0.0, "d": 0.0}


def nearest(rows: np.ndarray) -> float:
    distances = squareform(pdist(rows.reshape(len(rows), -1)))
    return float((distances + np.diag([np.inf] * len(rows))).min(axis=1).mean())


def test_redundancy_is_one_less_the_ratio_of_clark_and_evans() -> None:
    vectors = np.random.default_rng(0).integers(0, 256, (60, 4, 5)).astype(np.uint8)
    pool = np.arange(12)
    by_chance = nearest(vectors[:12])  # all of the pool, in each draw
    queries = [np.arange(20, 32), np.arange(40, 52)]
    ratios = [nearest(vectors[rows]) / by_chance for rows in queries]
    assert redundancy({"a": queries}, pool, vectors)["a"] == pytest.approx(1 - np.mean(ratios))


def test_copies_are_redundant_and_random_ones_are_not() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 2, 3)).astype(np.float32)
    vectors[400:] = vectors[400]
    pool = np.arange(400)
    chance = [np.random.default_rng(i).choice(pool, 30, replace=False) for i in range(20)]
    apart = [np.argsort(-np.linalg.norm(vectors[:400].reshape(400, -1), axis=1))[:10]]
    found = redundancy({"random": chance, "copies": [np.arange(400, 430)], "apart": apart}, pool, vectors)
    assert abs(found["random"]) < 0.1
    assert found["copies"] == 1
    assert found["apart"] < 0
    assert redundancy({"random": chance}, pool, vectors)["random"] == found["random"]


def test_single_samples_are_not_redundant_with_anything() -> None:
    assert np.isnan(redundancy({"a": [np.array([3])]}, np.arange(10), np.eye(10))["a"])
