"""Disagreement of a committee against modAL and against formulas written slowly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from modAL import disagreement
from scipy.stats import entropy

from queryloop.strategies import blocks, resolve
from queryloop.strategies.bayesian import bald
from queryloop.strategies.committee import kl_disagreement, vote_entropy
from queryloop.strategies.made_up import example


class Committee:
    """What modAL asks of a committee, with predictions made before."""

    def __init__(self, mc_probs: np.ndarray) -> None:
        self.mc_probs = mc_probs
        self.classes_ = np.arange(mc_probs.shape[2])

    def __len__(self) -> int:
        return self.mc_probs.shape[1]

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def vote(self, rows: SimpleNamespace) -> np.ndarray:
        return self.mc_probs.argmax(axis=2)

    def vote_proba(self, rows: SimpleNamespace) -> np.ndarray:
        return self.mc_probs


def members(classes: int = 4) -> np.ndarray:
    mc_probs = example(n=60, classes=classes)["mc_probs"]
    mc_probs[0] = np.eye(classes)[1]
    mc_probs[1] = 1 / classes
    mc_probs[2] = np.eye(classes)[np.arange(6) % 2]
    return mc_probs


def slow_vote_entropy(votes: list[int], classes: int) -> float:
    return -sum(
        count / len(votes) * math.log(count / len(votes), classes) for count in Counter(votes).values()
    )


@pytest.mark.parametrize("classes", [2, 4, 9])
def test_vote_entropy_is_the_formula_and_modals_in_units_of_its_maximum(classes: int) -> None:
    mc_probs = members(classes)
    found = vote_entropy(torch.from_numpy(mc_probs)).numpy()
    votes = mc_probs.argmax(axis=2).tolist()
    np.testing.assert_allclose(found, [slow_vote_entropy(row, classes) for row in votes], atol=1e-12)
    rows = SimpleNamespace(shape=(60,))
    reference = disagreement.vote_entropy(Committee(mc_probs), rows)
    np.testing.assert_allclose(found * math.log(classes), reference, atol=1e-12)


@pytest.mark.parametrize("classes", [2, 4, 9])
def test_kl_disagreement_is_the_formula_and_modals(classes: int) -> None:
    mc_probs = members(classes)
    found = kl_disagreement(torch.from_numpy(mc_probs)).numpy()
    slow = [max(entropy(member, row.mean(axis=0)) for member in row) for row in mc_probs]
    np.testing.assert_allclose(found, slow, atol=1e-12)
    reference = disagreement.KL_max_disagreement(Committee(mc_probs), SimpleNamespace(shape=(60,)))
    np.testing.assert_allclose(found, reference, atol=1e-12)


def test_the_divisor_is_the_number_of_members() -> None:
    two_of_three = torch.eye(3)[torch.tensor([[0, 0, 1]])]
    expected = entropy([2 / 3, 1 / 3], base=3)
    assert vote_entropy(two_of_three).item() == pytest.approx(expected, abs=1e-6)


def test_both_ends_are_exact() -> None:
    agreed = torch.eye(3)[torch.tensor([[1, 1, 1]])]
    split = torch.eye(3)[torch.tensor([[0, 1, 2]])]
    assert vote_entropy(torch.cat([agreed, split])).tolist() == pytest.approx([0, 1], abs=1e-6)
    assert kl_disagreement(torch.cat([agreed, split])).tolist() == pytest.approx([0, math.log(3)], abs=1e-6)
    assert math.copysign(1, vote_entropy(agreed).item()) == 1


def test_the_largest_divergence_counts_not_the_mean() -> None:
    one_dissenter = torch.tensor([[[1.0, 0], [1, 0], [1, 0], [0, 1]]])
    assert kl_disagreement(one_dissenter).item() == pytest.approx(math.log(4), abs=1e-6)


def test_a_class_that_no_member_believes_in_adds_nothing() -> None:
    rows = torch.tensor([[[0.7, 0.3, 0.0], [0.4, 0.6, 0.0]]])
    torch.testing.assert_close(kl_disagreement(rows), kl_disagreement(rows[:, :, :2]))


def test_blocks_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    mc_probs = torch.from_numpy(members()).float()
    whole = vote_entropy(mc_probs), kl_disagreement(mc_probs)
    monkeypatch.setattr(blocks, "_BLOCK", 70)
    assert torch.equal(vote_entropy(mc_probs), whole[0])
    assert torch.equal(kl_disagreement(mc_probs), whole[1])


def test_members_are_an_ensemble() -> None:
    assert {resolve(name).members for name in ("vote_entropy", "kl_disagreement")} == {"ensemble"}
    assert resolve("vote_entropy").bounds == (0, 1)
    assert resolve("kl_disagreement").bounds == (0, None)
    assert resolve("kl_disagreement").family == resolve("vote_entropy").family == "committee"


@pytest.mark.parametrize("score", [kl_disagreement, bald])
def test_members_that_agree_score_nothing_and_never_less_by_rounding(score: Callable) -> None:
    probs = torch.from_numpy(example(n=500, classes=10, dtype=np.float32)["probs"])
    found = score(probs[:, None].expand(-1, 7, -1).contiguous())
    assert found.min() >= 0
    assert found.max() < 1e-5
