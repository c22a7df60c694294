from __future__ import annotations

import scipy.stats

import queryloop
from queryloop.strategies import resolve


def test_random_draws_every_sample_equally_often() -> None:
    ids = [f"case_{row}" for row in range(10)]
    picked = [queryloop.select("random", k=1, seed=seed, ids=ids)[0] for seed in range(2000)]
    counts = [picked.count(name) for name in ids]
    assert scipy.stats.chisquare(counts).pvalue > 0.001


def test_random_scores_are_uniform() -> None:
    scores = resolve("random").score({"ids": list(range(5000))}, seed=0)
    assert scipy.stats.kstest(scores.numpy(), "uniform").pvalue > 0.001
