"""Classes and redundancy of what was asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from queryloop.statistics.queries import class_histogram, redundancy


def test_shares_and_evenness_of_classes() -> None:
    queried = pd.DataFrame({"strategy": ["r"] * 4 + ["m"] * 2, "label": list("aabbaa")})
    one, two = class_histogram(queried).to_dict("records")
    assert one == {"strategy": "r", "evenness": pytest.approx(1.0), "a": 0.5, "b": 0.5}
    assert two == {"strategy": "m", "evenness": 0.0, "a": 1.0, "b": 0.0}


def test_copies_are_redundant_and_random_ones_are_not() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 2, 3)).astype(np.float32)
    vectors[400:] = vectors[400]
    pool = np.arange(400)
    chance = [np.random.default_rng(i).choice(pool, 30, replace=False) for i in range(20)]
    assert abs(redundancy(chance, pool, vectors)) < 0.1
    assert redundancy([np.arange(400, 430)], pool, vectors) == 1
    apart = [np.argsort(-np.linalg.norm(vectors[:400].reshape(400, -1), axis=1))[:10]]
    assert redundancy(apart, pool, vectors) < 0
    assert redundancy(chance, pool, vectors) == redundancy(chance, pool, vectors)


def test_single_samples_are_not_redundant_with_anything() -> None:
    assert np.isnan(redundancy([np.array([3])], np.arange(10), np.eye(10)))
