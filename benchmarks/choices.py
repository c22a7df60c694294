"""All cases that have other contenders than ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import cycle_mnist
import networks
import peers
import plain
import quality
from measure import Case, Job
from pictures import cifar10
from pools import CLASSES, Pool, samples

import queryloop


def ours(strategy: str, **given: Any) -> Callable[[Pool], Job]:
    """queryloop.select, from arrays to ids."""

    def prepare(pool: Pool) -> Job:
        return Job(lambda: queryloop.select(strategy, k=pool.k, seed=0, **given, **pool.arrays))

    return prepare


def loop(function: Callable[[Pool], list[int]]) -> Callable[[Pool], Job]:
    """A plain loop."""
    return lambda pool: Job(partial(function, pool))


CORE_SET = {
    "queryloop": ours("core_set"),
    "scikit-activeml": peers.core_set,
    "plain loop": loop(plain.core_set),
}
BADGE = {"queryloop": ours("badge"), "plain loop": loop(plain.badge), "scikit-activeml": peers.badge}
PROB_COVER = ours("prob_cover", n_classes=CLASSES, delta=quality.DELTA)


def _made(n: int, labeled: int, k: int, wants: str) -> Callable[..., Pool]:
    return partial(samples, n=n, labeled=labeled, k=k, wants=wants)


def _score(name: str, need: str, draws: str, heuristic: str, modal: str = "") -> Case:
    """A plain score on a million rows."""
    contenders = {"queryloop": ours(name), "baal": peers.baal(heuristic, need)}
    if modal:
        contenders["modAL"] = peers.modal(modal)
    return Case(
        name, f"1,000,000 x {draws}10, k = 1,000", _made(1_000_000, 0, 1_000, need), contenders,
        reference="queryloop",
    )  # fmt: skip


CASES = [
    Case(
        "core_set", "50,000 x 512, 1,000 labelled, k = 1,000", _made(50_000, 1_000, 1_000, "embeddings"),
        CORE_SET, reference="plain loop",
    ),
    Case(
        "core_set_cifar10", "50,000 x 128, 1,000 labelled, k = 1,000", cifar10,
        CORE_SET, reference="plain loop", raw="cifar10",
    ),
    Case(
        "badge", "50,000 x 512 x 10, k = 1,000", _made(50_000, 0, 1_000, "embeddings probs"),
        BADGE, quality.gradient_distance,
    ),
    Case(
        "badge_cifar10", "50,000 x 128 x 10, k = 1,000", cifar10,
        BADGE, quality.gradient_distance, raw="cifar10",
    ),
    Case(
        "batch_bald", "10,000 x 20 x 10, k = 50", _made(10_000, 0, 50, "mc_probs"),
        {
            "queryloop": ours("batch_bald"),
            "plain loop, 10,000 configurations": loop(plain.batch_bald),
            "scikit-activeml, 20 configurations (default)": peers.batch_bald(None),
            "scikit-activeml, 1,000 configurations": peers.batch_bald(1_000),
            "baal, 50 x 20 configurations": peers.baal("BatchBALD", "mc_probs", num_draw=50),
        },
        quality.joint_information,
    ),
    Case(
        "prob_cover", "10,000 x 512, k = 100", _made(10_000, 0, 100, "embeddings"),
        {"queryloop": PROB_COVER, "scikit-activeml": peers.prob_cover}, quality.covered,
    ),
    Case(
        "prob_cover_50000", "50,000 x 512, k = 100", _made(50_000, 0, 100, "embeddings"),
        {"queryloop": PROB_COVER}, quality.covered,
    ),
    Case(
        "typiclust", "10,000 x 512, k = 1,000",
        _made(10_000, 0, 1_000, "embeddings"),
        {"queryloop": ours("typiclust"), "scikit-activeml": peers.typiclust}, quality.typical,
    ),
    _score("bald", "mc_probs", "20 x ", "BALD"),
    _score("margin", "probs", "", "Margin", "margin_sampling"),
    _score("entropy", "probs", "", "Entropy", "entropy_sampling"),
    *networks.CASES,
    cycle_mnist.CASE,
]  # fmt: skip
