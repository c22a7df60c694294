"""Our strategies inside baal's own loop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from baal import active
from baal.active import heuristics
from torch.utils.data import TensorDataset

from queryloop.adapters import baal as adapter
from queryloop.adapters.baal import baal_heuristic
from queryloop.errors import InputError, OptionsError
from queryloop.randomness import derived_seed
from queryloop.strategies import resolve, select


def draws(rows: int = 50, classes: int = 4, members: int = 6, seed: int = 0) -> np.ndarray:
    """Predictions as baal has them: (N, C, T)."""
    powers = np.exp(2 * np.random.default_rng(seed).normal(size=(rows, classes, members)))
    return powers / powers.sum(axis=1, keepdims=True)


def loop(heuristic: Any, size: int = 5, **options: Any) -> Any:
    """A loop whose network predicts the same for a sample at all times."""
    dataset = active.ActiveLearningDataset(TensorDataset(torch.arange(50)))
    dataset.can_label = False
    dataset.label([0, 1, 2])
    of_all = draws()

    def predict(pool: Any) -> np.ndarray:
        return of_all[[int(pool[row][0]) for row in range(len(pool))]]

    return active.ActiveLearningLoop(dataset, predict, heuristic, query_size=size, **options)


def labelled(found: Any) -> set[int]:
    return set(np.flatnonzero(found.dataset.labelled).tolist())


def test_a_loop_labels_the_highest_scores() -> None:
    ours = loop(baal_heuristic("margin", seed=1))
    probs = draws().mean(axis=2)
    ids = np.arange(3, 50)
    chosen = {0, 1, 2}
    for _ in range(2):
        assert ours.step()
        chosen |= set(select("margin", k=5, seed=0, probs=probs[ids], ids=ids))
        assert labelled(ours) == chosen
        ids = np.array(sorted(set(range(50)) - chosen))
    assert len(chosen) == 13


def test_a_loop_runs_until_all_is_labelled() -> None:
    ours = loop(baal_heuristic("bald", seed=1), size=20)
    assert [ours.step() for _ in range(4)] == [True, True, True, False]


def test_bald_ranks_as_baals() -> None:
    theirs, scores = heuristics.BALD().get_ranks(draws())
    ours, gains = baal_heuristic("bald", seed=1).get_ranks(draws())
    assert ours.tolist() == theirs.tolist() == baal_heuristic("bald", seed=1)(draws()).tolist()
    ratio = gains / scores
    np.testing.assert_allclose(ratio, ratio[0])


@pytest.mark.parametrize(("name", "kind"), [("entropy", "Entropy"), ("margin", "Margin")])
def test_one_pass_ranks_as_baals(name: str, kind: str) -> None:
    probs = draws().mean(axis=2)
    theirs = getattr(heuristics, kind)()(probs)
    assert baal_heuristic(name, seed=1)(probs).tolist() == theirs.tolist()
    assert baal_heuristic(name, seed=1)(draws()).tolist() == theirs.tolist(), "the mean over the draws"


def test_logits_and_tensors_are_taken() -> None:
    ranks = baal_heuristic("bald", seed=1)(draws()).tolist()
    assert baal_heuristic("bald", seed=1)(np.log(draws())).tolist() == ranks
    assert baal_heuristic("bald", seed=1)(torch.tensor(draws())).tolist() == ranks


def test_equal_scores_are_ordered_by_the_seed() -> None:
    flat = np.full((30, 4), 0.25)
    orders = {tuple(baal_heuristic("margin", seed=seed)(flat).tolist()) for seed in range(3)}
    assert len(orders) == 3
    assert all(sorted(order) == list(range(30)) for order in orders)
    assert tuple(baal_heuristic("margin", seed=0)(flat).tolist()) in orders


def test_each_step_of_a_loop_draws_anew() -> None:
    heuristic = baal_heuristic("random", seed=1)
    longer, shorter = (heuristic.get_ranks(draws(rows))[1] for rows in (50, 49))
    assert longer[:49].tolist() != shorter.tolist()
    assert heuristic.get_ranks(draws(50))[1].tolist() == longer.tolist()
    expected = resolve("random").score({"ids": np.arange(50)}, derived_seed(1, 50, "baal"))
    assert longer.tolist() == expected.tolist()


def test_evidence_has_our_axes() -> None:
    found = adapter._evidence(resolve("bald"), draws(), lambda raw: raw)
    assert (found["n_classes"], len(found["ids"])) == (4, 50)
    assert found["mc_probs"][3, 5, 2] == draws()[3, 2, 5]
    np.testing.assert_allclose(found["probs"], draws().mean(axis=2))


def test_parts_are_ranked_as_a_whole() -> None:
    def parts() -> Iterator[np.ndarray]:
        yield from np.split(draws(), 5)

    for name, k in [("random", None), ("bald", None), ("bald+margin", 6)]:
        whole = baal_heuristic(name, seed=1, k=k).get_ranks(draws())
        ranks, scores = baal_heuristic(name, seed=1, k=k).get_ranks(parts())
        assert ranks.tolist() == whole[0].tolist()
        assert scores.tolist() == whole[1].tolist()


def test_no_predictions_are_refused() -> None:
    with pytest.raises(InputError, match="there are no predictions to rank"):
        baal_heuristic("margin", seed=1).get_ranks(part for part in ())


def test_scores_of_several_arrays_are_joined() -> None:
    ranks = baal_heuristic("margin", seed=1).reorder_indices([np.array([0.1, 0.9]), np.array([0.5])])
    assert ranks.tolist() == [1, 2, 0]


def test_picks_of_a_batch_rank_first() -> None:
    heuristic = baal_heuristic("entropy+margin", seed=1, k=6, presample=3)
    ranks, scores = heuristic.get_ranks(draws())
    probs = draws().mean(axis=2)
    expected = select("entropy+margin", k=6, seed=0, probs=probs, presample=3)
    assert ranks[:6].tolist() == expected
    assert scores[ranks[:6]].tolist() == [6, 5, 4, 3, 2, 1]
    assert scores[ranks[6:]].tolist() == [0] * 44
    assert sorted(ranks.tolist()) == list(range(50))


def test_a_loop_labels_a_batch_and_what_is_left_of_it() -> None:
    ours = loop(baal_heuristic("bald+entropy", seed=1, k=20), size=20)
    assert [ours.step() for _ in range(4)] == [True, True, True, False]
    assert len(labelled(ours)) == 50


def test_a_batch_needs_k() -> None:
    with pytest.raises(OptionsError, match="`entropy\\+margin` picks its rows together: pass k="):
        baal_heuristic("entropy+margin", seed=1)


def test_what_baal_does_not_know_is_refused_at_once() -> None:
    with pytest.raises(
        OptionsError, match=r"`skactiveml.CoreSet` needs embeddings, labeled_embeddings, labels"
    ):
        baal_heuristic("skactiveml.CoreSet", seed=1, k=5)
    with pytest.raises(OptionsError, match="`epig` needs target_mc_probs: baal's heuristics see predictions"):
        baal_heuristic("epig", seed=1)
    with pytest.raises(OptionsError, match="unknown strategy 'margn'"):
        baal_heuristic("margn", seed=1)
    with pytest.raises(OptionsError, match="'depth'"):
        baal_heuristic("margin", seed=1, depth=3)


def test_one_pass_has_no_draws() -> None:
    with pytest.raises(InputError, match=r"`bald` needs mc_probs: predictions \(N, C, T\), not \(50, 4\)"):
        baal_heuristic("bald", seed=1)(draws()[:, :, 0])


@pytest.mark.parametrize("shape", [(4,), (5, 4, 3, 3, 6)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"predictions must have shape \(N, C\) or \(N, C, T\)"):
        baal_heuristic("margin", seed=1)(np.full(shape, 0.25))


def test_it_is_one_of_baals_heuristics() -> None:
    heuristic = baal_heuristic("margin", seed=1)
    assert isinstance(heuristic, heuristics.AbstractHeuristic)
    assert heuristic.reversed


def test_without_baal_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "baal", None)
    adapter._heuristic_class.cache_clear()
    with pytest.raises(OptionsError, match=r'baal is not installed: pip install "queryloop\[baal\]"'):
        baal_heuristic("margin", seed=1)
