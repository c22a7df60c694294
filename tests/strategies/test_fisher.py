"""Greedy choice against one that inverts every matrix anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from queryloop.errors import OptionsError
from queryloop.strategies import resolve
from queryloop.strategies.fisher import bait
from queryloop.strategies.picks import Picks

Arrays = dict[str, np.ndarray]


def arrays(seed: int, n: int = 24, m: int = 6, d: int = 4, classes: int = 3) -> Arrays:
    draws = np.random.default_rng(seed)
    return {
        "probs": draws.dirichlet(np.ones(classes), n),
        "embeddings": draws.normal(size=(n, d)),
        "labeled_probs": draws.dirichlet(np.ones(classes), m),
        "labeled_embeddings": draws.normal(size=(m, d)),
    }


def picked(given_: Arrays, k: int, **options: float) -> Picks:
    return bait(**{name: torch.from_numpy(array) for name, array in given_.items()}, k=k, **options)


def information(probs: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    """(N, D, D): p1 (1 - p1) h h^T of each row."""
    p = probs.max(axis=1)
    return np.einsum("n,ni,nj->nij", p * (1 - p), embeddings, embeddings)


def slow(given_: Arrays, k: int, ridge: float, oversample: float) -> tuple[list[int], list[float]]:
    pool = information(given_["probs"], given_["embeddings"])
    known = information(given_["labeled_probs"], given_["labeled_embeddings"])
    fisher = np.concatenate([pool, known]).mean(axis=0)
    begun = known.sum(axis=0) + ridge * np.eye(len(fisher))

    def trace(rows: list[int]) -> float:
        return float(np.trace(np.linalg.inv(begun + pool[rows].sum(axis=0)) @ fisher))

    taken: dict[int, float] = {}
    while len(taken) < min(len(pool), round(oversample * k)):
        after = {row: trace([*taken, row]) for row in range(len(pool)) if row not in taken}
        best = min(after, key=after.__getitem__)
        taken[best] = trace([*taken]) - after[best]
    rows = [*taken]
    while len(rows) > k:
        rows.remove(min(rows, key=lambda gone: trace([row for row in rows if row != gone])))
    return rows, [taken[row] for row in rows]


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.integers(1, 12),
    st.sampled_from([0, 1, 9]),
    st.sampled_from([0.01, 1.0, 30.0]),
    st.sampled_from([1.0, 1.5, 2.0, 9.0]),
)
def test_it_is_the_greedy_choice(seed: int, k: int, m: int, ridge: float, oversample: float) -> None:
    given_ = arrays(seed, m=m)
    rows, falls = slow(given_, k, ridge, oversample)
    picks = picked(given_, k, ridge=ridge, oversample=oversample)
    assert picks.positions.tolist() == rows
    np.testing.assert_allclose(picks.scores.numpy(), falls, rtol=1e-6, atol=1e-12)


def test_many_changes_do_not_add_up_to_an_error() -> None:
    given_ = arrays(0, n=400, d=6)
    rows, falls = slow(given_, 60, 1.0, 2.0)
    single = {name: array.astype(np.float32) for name, array in given_.items()}
    np.testing.assert_allclose(picked(given_, 60).scores.numpy(), falls, rtol=1e-9)
    assert len(set(picked(single, 60).positions.tolist()) & set(rows)) > 57


@pytest.mark.parametrize("length", [1e3, 1e5])
def test_long_embeddings_lose_no_digits(length: float) -> None:
    given_ = arrays(5)
    longer = given_ | {name: length * given_[name] for name in ("embeddings", "labeled_embeddings")}
    largest = np.einsum("nii->n", information(longer["probs"], longer["embeddings"])).max()
    rows, falls = slow(longer, 8, max(1.0, 1e-6 * largest), 2.0)
    picks = picked(longer, 8)
    assert picks.positions.tolist() == rows
    np.testing.assert_allclose(picks.scores.numpy(), falls, rtol=1e-5)


def test_turning_all_embeddings_changes_nothing() -> None:
    given_ = arrays(3)
    turned, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    other = given_ | {name: given_[name] @ turned for name in ("embeddings", "labeled_embeddings")}
    assert picked(other, 8).positions.tolist() == picked(given_, 8).positions.tolist()


def test_what_is_labelled_already_is_asked_for_last() -> None:
    """Two directions, equally common and unsure in the pool; one of them is labelled a hundred times."""
    probs, embeddings = np.full((20, 2), 0.5), np.repeat(np.eye(2), 10, axis=0)
    known = {"labeled_probs": np.full((100, 2), 0.5), "labeled_embeddings": np.repeat([[1.0, 0.0]], 100, 0)}
    picks = picked({"probs": probs, "embeddings": embeddings, **known}, 5)
    assert set(picks.positions.tolist()) <= set(range(10, 20))


def test_a_sure_pool_has_nothing_to_tell() -> None:
    given_ = arrays(0) | {"probs": np.eye(3)[np.arange(24) % 3]}
    picks = picked(given_, 5)
    assert len(set(picks.positions.tolist())) == 5
    assert (picks.scores == 0).all()


@pytest.mark.parametrize(("option", "value"), [("ridge", 0.0), ("oversample", 0.9), ("max_pool", 0)])
def test_options_have_a_range(option: str, value: float) -> None:
    with pytest.raises(OptionsError, match=option):
        resolve("bait", {option: value})
