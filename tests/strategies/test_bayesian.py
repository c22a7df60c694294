"""Each score of several draws against its formula written slowly, against scipy, or against baal."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from baal.active import heuristics
from scipy.stats import entropy

from queryloop.strategies import bayesian, blocks, resolve
from queryloop.strategies.bayesian import (
    bald,
    bayesian_entropy,
    bayesian_least_confidence,
    bayesian_margin,
    bayesian_ratio,
    epig,
    expected_entropy,
    mean_std,
    nats,
    variation_ratio,
    vote_shares,
)
from queryloop.strategies.made_up import example

SCORES = [
    bald,
    bayesian_least_confidence,
    bayesian_margin,
    bayesian_ratio,
    bayesian_entropy,
    expected_entropy,
    variation_ratio,
    mean_std,
]


def slow_bald(draws: np.ndarray) -> float:
    average = np.mean(draws, axis=0)
    return float(np.mean([entropy(draw, average) for draw in draws]))  # the mean distance from the average


def slow_least_confidence(draws: np.ndarray) -> float:
    classes = draws.shape[1]
    return classes / (classes - 1) * (1 - max(np.mean(draws, axis=0)))


def slow_margin(draws: np.ndarray) -> float:
    second, first = sorted(np.mean(draws, axis=0))[-2:]
    return second - first


def slow_ratio(draws: np.ndarray) -> float:
    second, first = sorted(np.mean(draws, axis=0))[-2:]
    return second / first


def slow_entropy(draws: np.ndarray) -> float:
    return entropy(np.mean(draws, axis=0), base=draws.shape[1])


def slow_expected_entropy(draws: np.ndarray) -> float:
    return float(np.mean([entropy(draw, base=draws.shape[1]) for draw in draws]))


def slow_variation_ratio(draws: np.ndarray) -> float:
    votes = [list(draw).index(max(draw)) for draw in draws]
    return 1 - max(votes.count(vote) for vote in votes) / len(votes)


def slow_mean_std(draws: np.ndarray) -> float:
    return float(np.mean([np.std(column) for column in draws.T]))


SLOW = [
    slow_bald,
    slow_least_confidence,
    slow_margin,
    slow_ratio,
    slow_entropy,
    slow_expected_entropy,
    slow_variation_ratio,
    slow_mean_std,
]


def draws(n: int = 40, classes: int = 4) -> np.ndarray:
    """Made-up draws, with a certain row, one that every draw calls a toss-up, and one of certain strife."""
    mc_probs = example(n=n, classes=classes)["mc_probs"]
    mc_probs[0] = np.eye(classes)[1]
    mc_probs[1] = 1 / classes
    mc_probs[2] = np.eye(classes)[np.arange(6) % 2]
    return mc_probs


def slow_epig(rows: np.ndarray, targets: np.ndarray) -> list[float]:
    """Mutual information as the distance of the joint table from the product of its margins."""
    scores = []
    for row in rows:
        found = []
        for target in targets:
            joint = np.mean([np.outer(p, q) for p, q in zip(row, target, strict=True)], axis=0)
            product = np.outer(joint.sum(axis=1), joint.sum(axis=0))
            found.append(entropy(joint.ravel(), product.ravel()))
        scores.append(np.mean(found))
    return scores


@pytest.mark.parametrize(("score", "slow"), [*zip(SCORES, SLOW, strict=True)])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_score_is_the_formula(score: Callable, slow: Callable, classes: int) -> None:
    mc_probs = draws(classes=classes)
    np.testing.assert_allclose(score(torch.from_numpy(mc_probs)), [slow(row) for row in mc_probs], atol=1e-12)


@pytest.mark.parametrize(
    ("score", "certain", "toss_up", "strife"),
    [
        (bald, 0, 0, math.log(2)),
        (bayesian_least_confidence, 0, 1, 2 / 3),
        (bayesian_margin, -1, 0, 0),
        (bayesian_ratio, 0, 1, 1),
        (bayesian_entropy, 0, 1, 1 / 2),
        (expected_entropy, 0, 1, 0),
        (variation_ratio, 0, 0, 1 / 2),
        (mean_std, 0, 0, 1 / 4),
    ],
)
def test_what_each_score_says_of_noise_and_of_strife(
    score: Callable, certain: float, toss_up: float, strife: float
) -> None:
    scores = score(torch.from_numpy(draws()[:3]).float())
    torch.testing.assert_close(scores, torch.tensor([certain, toss_up, strife], dtype=torch.float32))


def test_one_draw_tells_nothing_about_the_weights() -> None:
    single = torch.from_numpy(draws()[:, :1]).float()
    for score in (bald, variation_ratio, mean_std):
        assert score(single).max() == pytest.approx(0, abs=1e-6)
        assert score(single).min() >= 0


@pytest.mark.parametrize("score", SCORES)
def test_blocks_change_no_bit(score: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    mc_probs = torch.from_numpy(draws(n=301)).float()
    whole = score(mc_probs)
    monkeypatch.setattr(blocks, "_BLOCK", 70)
    assert torch.equal(score(mc_probs), whole)


@pytest.mark.parametrize("score", SCORES)
def test_neither_draws_nor_classes_have_an_order(score: Callable) -> None:
    mc_probs = torch.from_numpy(draws())
    torch.testing.assert_close(score(mc_probs.flip(1)), score(mc_probs))
    torch.testing.assert_close(score(mc_probs.flip(2)), score(mc_probs))


def test_total_is_information_and_noise() -> None:
    mc_probs = torch.from_numpy(draws())
    total = bayesian_entropy(mc_probs) - expected_entropy(mc_probs)
    torch.testing.assert_close(bald(mc_probs), total * math.log(4))


def test_bald_and_epig_are_those_of_baal() -> None:
    mc_probs = draws()
    targets = example()["target_mc_probs"]
    axes = mc_probs.transpose(0, 2, 1), targets.transpose(0, 2, 1)
    np.testing.assert_allclose(
        bald(torch.from_numpy(mc_probs)), heuristics.BALD().compute_score(axes[0]), atol=1e-9
    )
    np.testing.assert_allclose(
        epig(torch.from_numpy(mc_probs), torch.from_numpy(targets)),
        heuristics.EPIG().compute_score(*axes),
        atol=1e-5,
    )


@pytest.mark.parametrize("classes", [2, 5])
def test_epig_is_the_mean_mutual_information(classes: int) -> None:
    mc_probs, targets = draws(12, classes), example(classes=classes, seed=1)["target_mc_probs"]
    targets[0] = mc_probs[2]
    found = epig(torch.from_numpy(mc_probs), torch.from_numpy(targets))
    np.testing.assert_allclose(found, slow_epig(mc_probs, targets), atol=1e-12)
    assert found[:2].tolist() == pytest.approx([0, 0], abs=1e-12)
    assert found.min() >= 0


def test_epig_without_targets_is_nothing() -> None:
    targets = torch.empty(0, 6, 4)
    for n in (0, 3):
        assert epig(torch.full((n, 6, 4), 0.25), targets).tolist() == [0.0] * n


@pytest.mark.parametrize("size", [1, 50, 700])
def test_epig_in_blocks_of_rows_and_of_targets_is_the_same(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mc_probs, targets = torch.from_numpy(draws()), torch.from_numpy(example()["target_mc_probs"])
    whole = epig(mc_probs, targets)
    monkeypatch.setattr(bayesian, "_BLOCK", size)
    torch.testing.assert_close(epig(mc_probs, targets), whole)


def test_epig_of_a_target_that_follows_the_row_is_its_own_entropy() -> None:
    strife = torch.eye(3)[torch.tensor([[0, 1, 2, 0, 1, 2]])]
    torch.testing.assert_close(epig(strife, strife), torch.tensor([math.log(3)]))
    assert epig(strife, strife[:, :1].expand(1, 6, 3)).item() == pytest.approx(0, abs=1e-6)


def test_nats_leaves_its_input_alone_and_takes_any_shape() -> None:
    probs = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    before = probs.clone()
    torch.testing.assert_close(nats(probs), torch.tensor([math.log(2), 0.0]))
    assert torch.equal(probs, before)
    assert nats(probs[None, None]).shape == (1, 1, 2)


def test_vote_shares_count_the_likeliest_class_of_each_draw() -> None:
    mc_probs = torch.tensor([[[0.4, 0.35, 0.25], [0.4, 0.5, 0.1], [0.6, 0.2, 0.2], [0.9, 0.1, 0.0]]])
    assert vote_shares(mc_probs).tolist() == [[0.75, 0.25, 0.0]]


def test_registered_ends() -> None:
    ends = {score.__name__: resolve(score.__name__).bounds for score in [*SCORES, epig]}
    assert ends == {
        "bald": (0, None),
        "bayesian_least_confidence": (0, 1),
        "bayesian_margin": (-1, 0),
        "bayesian_ratio": (0, 1),
        "bayesian_entropy": (0, 1),
        "expected_entropy": (0, 1),
        "variation_ratio": (0, 1),
        "mean_std": (0, 0.5),
        "epig": (0, None),
    }
    assert mean_std(torch.eye(2)[torch.tensor([[0, 1, 0, 1]])]).tolist() == [0.5]
