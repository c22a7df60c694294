from __future__ import annotations

import numpy as np
import scipy.stats
import torch

import queryloop
from queryloop.strategies import resolve
from queryloop.strategies.baseline import negative_control
from queryloop.strategies.made_up import example


def test_random_draws_every_sample_equally_often() -> None:
    ids = [f"case_{row}" for row in range(10)]
    picked = [queryloop.select("random", k=1, seed=seed, ids=ids)[0] for seed in range(1000)]
    counts = [picked.count(name) for name in ids]
    assert scipy.stats.chisquare(counts).pvalue > 0.001


def test_random_scores_are_uniform() -> None:
    scores = resolve("random").score({"ids": list(range(5000))}, seed=0)
    assert scipy.stats.kstest(scores.numpy(), "uniform").pvalue > 0.001


def test_the_negative_control_asks_for_what_least_confidence_asks_last() -> None:
    probs = example(n=40)["probs"]
    control = queryloop.select("negative_control", k=40, seed=0, probs=probs)
    assert control == queryloop.select("least_confidence", k=40, seed=0, probs=probs)[::-1]


def test_the_negative_control_scores_the_largest_probability() -> None:
    rows = torch.tensor([[0.0, 1, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.1, 0.2, 0.3, 0.4]])
    np.testing.assert_array_equal(negative_control(rows), np.float32([1, 0.25, 0.4]))
    assert resolve("negative_control").bounds == (None, 1.0)
    assert resolve("negative_control").family == "baseline"
