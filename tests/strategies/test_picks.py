from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from queryloop.errors import InputError, NonFiniteError
from queryloop.strategies import picks
from queryloop.strategies.picks import checked_k, seeded_order, top_k

TIED = torch.tensor([1.0, 3, 2, 2, 0, 2, 3, 2])
IDS = np.array([f"s{row}" for row in range(8)], dtype=object)


def slow_top_k(scores: Tensor, ids: np.ndarray, k: int, seed: int) -> list[int]:
    """The definition: sort everything by score, then by the draw of the id."""
    draws = picks.bits_by_id(seed, 0, "ties", ids)
    return sorted(range(len(ids)), key=lambda row: (-float(scores[row]), draws[row]))[:k]


@pytest.mark.parametrize("k", range(9))
@pytest.mark.parametrize("seed", range(5))
def test_top_k_sorts_by_score_then_by_draw(k: int, seed: int) -> None:
    assert top_k(TIED, IDS, k=k, seed=seed).positions.tolist() == slow_top_k(TIED, IDS, k, seed)


def test_many_ties_of_few_values() -> None:
    scores = torch.randint(5, (5000,), generator=torch.Generator().manual_seed(0)).half()
    ids = np.arange(5000)
    for k in (1, 999, 1000, 1001, 5000):
        assert top_k(scores, ids, k=k, seed=0).positions.tolist() == slow_top_k(scores, ids, k, 0)


def test_a_query_of_none_is_of_the_same_kind() -> None:
    found = top_k(TIED, IDS, k=0, seed=0)
    assert (found.positions.dtype, found.positions.shape) == (torch.int64, (0,))
    assert found.scores.shape == (0,)


def test_scores_of_the_picks_come_along() -> None:
    assert top_k(TIED, IDS, k=4, seed=0).scores.tolist() == [3, 3, 2, 2]


def test_every_tied_row_can_win() -> None:
    firsts = {top_k(torch.zeros(8), IDS, k=1, seed=seed).positions.item() for seed in range(200)}
    assert firsts == set(range(8))


def test_minus_zero_ties_with_zero() -> None:
    firsts = {
        top_k(torch.tensor([0.0, -0.0]), IDS[:2], k=1, seed=seed).positions.item() for seed in range(50)
    }
    assert firsts == {0, 1}


def test_only_rows_that_reach_the_kth_score_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    with counted(monkeypatch) as drawn:
        top_k(torch.arange(1000.0), np.arange(1000), k=10, seed=0)
    assert drawn == [10]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_rank_for_what_is_no_number(bad: float) -> None:
    scores = TIED.clone()
    scores[[2, 5]] = bad
    with pytest.raises(
        NonFiniteError, match=r"`scores`: 2 of 8 rows are wrong, first id 's2': NaN or infinity"
    ):
        top_k(scores, IDS, k=1, seed=0)


def test_large_finite_scores_are_no_error() -> None:
    assert top_k(torch.tensor([3e38, 3e38, 1.0]), np.arange(3), k=1, seed=0).positions.item() in (0, 1)


def test_lengths_must_agree() -> None:
    with pytest.raises(InputError, match=r"`scores` and `ids` disagree on N: shapes \(8,\) and \(5,\)"):
        top_k(TIED, IDS[:5], k=1, seed=0)


@pytest.mark.parametrize(
    ("k", "words"),
    [
        (-1, "k is -1, but must lie between 0 and 8"),
        (9, "k is 9, but must lie between 0 and 8"),
        (2.0, r"k must be a whole number, not 2\.0"),
        ("3", "k must be a whole number, not '3'"),
    ],
)
def test_k_must_fit_the_pool(k: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        top_k(TIED, IDS, k=k, seed=0)


def test_whole_numbers_of_numpy_and_torch_are_whole() -> None:
    assert checked_k(np.int64(3), 5) == checked_k(torch.tensor(3), 5) == 3  # type: ignore[arg-type]


def test_seeded_order_follows_the_ids() -> None:
    rows = np.random.default_rng(0).permutation(8)
    assert IDS[seeded_order(IDS, 4)].tolist() == IDS[rows][seeded_order(IDS[rows], 4)].tolist()
    assert IDS[seeded_order(IDS, 4)].tolist() != IDS[seeded_order(IDS, 5)].tolist()


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The numbers of ids for which a draw was made."""
    drawn: list[int] = []
    real = picks.bits_by_id

    def counting(seed: int, cycle: int, purpose: str, ids: np.ndarray) -> np.ndarray:
        drawn.append(len(ids))
        return real(seed, cycle, purpose, ids)

    monkeypatch.setattr(picks, "bits_by_id", counting)
    yield drawn
