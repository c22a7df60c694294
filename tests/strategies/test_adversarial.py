"""Uncertainty beside the logit of a discriminator, against formulas written slowly."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import torch

from queryloop.errors import OptionsError
from queryloop.strategies import resolve
from queryloop.strategies.adversarial import CRITERIA, adversarial
from queryloop.strategies.made_up import example

Row = list[float]


def l1(row: Row) -> float:
    return len(row) * math.log(len(row)) / sum(-math.log(p) for p in row)


def l2(row: Row) -> float:
    return math.sqrt(len(row)) * math.log(len(row)) / math.hypot(*(math.log(p) for p in row))


SLOW: dict[str, Callable[[Row], float]] = {
    "margin": lambda row: 1 - sorted(row)[-1] + sorted(row)[-2],
    "entropy": lambda row: scipy.stats.entropy(row, base=len(row)),
    "least_confidence": lambda row: len(row) / (len(row) - 1) * (1 - max(row)),
    "l1": l1,
    "l2": l2,
}


@pytest.mark.parametrize("criterion", SLOW)
@pytest.mark.parametrize("classes", [2, 5])
def test_score_is_the_formula(criterion: str, classes: int) -> None:
    given = example(n=30, classes=classes)
    evidence = {name: given[name] for name in ("ids", "probs", "discriminator")}
    options = {"criterion": criterion, "uncertainty_weight": 0.5, "discriminator_weight": 2.0}
    rows = zip(given["probs"].tolist(), given["discriminator"].tolist(), strict=True)
    expected = [0.5 * SLOW[criterion](p) + 2 * (1 + d / (1 + abs(d))) / 2 for p, d in rows]
    np.testing.assert_allclose(resolve("adversarial", options).score(evidence, 0), expected, rtol=1e-9)


def test_margin_and_three_to_seven_are_the_default() -> None:
    given = {name: torch.from_numpy(example()[name]) for name in ("probs", "discriminator")}
    expected = adversarial(**given, criterion="margin", uncertainty_weight=0.3, discriminator_weight=0.7)
    assert torch.equal(adversarial(**given), expected)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_uniform_rows_are_at_the_upper_end_and_exact_zeros_near_the_lower(criterion: str) -> None:
    probs = torch.tensor(
        [[0.25, 0.25, 0.25, 0.25], [0.4, 0.3, 0.2, 0.1], [0.97, 0.01, 0.01, 0.01], [1.0, 0, 0, 0]]
    )
    uniform, *_, certain = scores = CRITERIA[criterion](probs).tolist()
    assert scores == sorted(scores, reverse=True)
    assert uniform == pytest.approx(1)
    assert 0 <= certain < 0.04


def test_a_frozen_sigmoid_would_be_flat_where_this_still_ranks() -> None:
    logits = torch.tensor([-4000.0, -40, -20, 0, 20, 40, 4000])
    assert len(set(logits.sigmoid().tolist())) < 7
    scores = adversarial(torch.full((7, 2), 0.5), logits, uncertainty_weight=0.0, discriminator_weight=1.0)
    assert (scores.diff() > 0).all()
    assert scores[3] == 0.5
    assert ((scores > 0) & (scores < 1)).all()


def test_vaal_is_the_logit() -> None:
    logits = np.array([3.0, -1.0, 90.0, 0.0])
    assert resolve("vaal").score({"discriminator": logits}, 0).tolist() == logits.tolist()


@pytest.mark.parametrize("name", ["adversarial", "vaal", "power_adversarial", "class_balanced_adversarial"])
def test_each_says_what_must_be_trained(name: str) -> None:
    assert resolve(name).auxiliary == name.rpartition("_")[2]


def test_a_network_has_one_auxiliary_only() -> None:
    with pytest.raises(OptionsError, match="needs adversarial and vaal"):
        resolve("adversarial+vaal")
    with pytest.raises(OptionsError, match="uncertainty_weight"):
        resolve("adversarial", {"uncertainty_weight": -0.1})


@pytest.mark.parametrize("criterion", ["l1", "l2"])
def test_a_certain_row_is_a_little_unsure(criterion: str) -> None:
    found = CRITERIA[criterion](torch.eye(4)[:2])
    assert found.isfinite().all()
    assert (found > 0).all()
    assert (found < 0.05).all()
