"""What scikit-activeml's strategies choose, against formulas and loops."""

from __future__ import annotations

import numpy as np
import pytest

from queryloop.strategies import resolve
from queryloop.strategies.battery import query
from queryloop.strategies.made_up import example
from queryloop.strategies.skactiveml import skactiveml


@pytest.mark.parametrize(
    ("method", "ours"),
    [("margin_sampling", "margin"), ("entropy", "entropy"), ("least_confident", "least_confidence")],
)
def test_uncertainty_ranks_as_ours(method: str, ours: str) -> None:
    theirs = resolve("skactiveml.UncertaintySampling", {"method": method})
    assert query(theirs, example(), 23) == query(resolve(ours), example(), 23)


def test_entropy_is_the_utility() -> None:
    strategy = skactiveml("UncertaintySampling", {"method": "entropy"})
    picks = strategy.choose(None, example(), k=4, seed=0)
    probs = example()["probs"][picks.positions.numpy()]
    np.testing.assert_allclose(picks.scores, -(probs * np.log(probs)).sum(axis=1), rtol=1e-9)


def test_greedy_bald_ranks_by_mutual_information() -> None:
    draws = example()["mc_probs"]
    mean = draws.mean(axis=1)
    spread = (draws * np.log(draws)).sum(axis=2).mean(axis=1) - (mean * np.log(mean)).sum(axis=1)
    expected = [example()["ids"][row] for row in np.argsort(-spread)[:6]]
    assert query(skactiveml("GreedyBALD", {}), example(), 6) == expected
    assert query(skactiveml("QueryByCommittee", {}), example(), 6) == expected


def test_votes_are_those_of_the_members() -> None:
    strategy = skactiveml("QueryByCommittee", {"method": "variation_ratios"})
    picks = strategy.choose(None, example(), k=23, seed=0)
    votes = example()["mc_probs"].argmax(axis=2)
    ratios = [1 - np.bincount(row).max() / 6 for row in votes]
    np.testing.assert_allclose(picks.scores, [ratios[row] for row in picks.positions])


def test_core_set_is_the_farthest_row_from_all_that_is_labelled_or_chosen() -> None:
    evidence = example()
    taken, expected = list(evidence["labeled_embeddings"]), []
    for _ in range(5):
        gaps = [min(np.linalg.norm(row - other) for other in taken) for row in evidence["embeddings"]]
        expected.append(evidence["ids"][int(np.argmax(gaps))])
        taken.append(evidence["embeddings"][int(np.argmax(gaps))])
    assert query(skactiveml("CoreSet", {}), evidence, 5) == expected


def test_contrastive_compares_with_the_labelled_neighbour() -> None:
    evidence = example()
    strategy = skactiveml("ContrastiveAL", {"nearest_neighbors_dict": {"n_neighbors": 1}})
    gains = []
    for row, probs in zip(evidence["embeddings"], evidence["probs"], strict=True):
        near = int(np.linalg.norm(evidence["labeled_embeddings"] - row, axis=1).argmin())
        other = evidence["labeled_probs"][near]
        gains.append(float((other * np.log(other / probs)).sum()))
    picks = strategy.choose(None, evidence, k=23, seed=0)
    np.testing.assert_allclose(picks.scores, sorted(gains, reverse=True), rtol=1e-4)
