"""Discriminative active learning on pools with regions that hold no label."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor

from queryloop.errors import InputError, OptionsError
from queryloop.strategies import resolve
from queryloop.strategies.quality import qualities

WIDTH = 8


def drawn(n: int, seed: int) -> Tensor:
    return torch.randn(n, WIDTH, generator=torch.Generator().manual_seed(seed))


def regions(*sizes: int, far: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Rows about the origin, then about a point on axis i at distance far[i]; and which."""
    which = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    centres = torch.zeros(len(sizes), WIDTH)
    centres[range(1, len(sizes)), range(len(far))] = torch.tensor(far)
    return centres[which] + drawn(len(which), 1), which


def query(pool: Tensor, labeled: Tensor, k: int, seed: int = 0, **options: int) -> list[int]:
    evidence = {"embeddings": pool, "labeled_embeddings": labeled}
    return resolve("discriminative", options).choose(None, evidence, k=k, seed=seed).positions.tolist()


def counts(rows: list[int], which: Tensor) -> Counter[int]:
    return Counter(which[rows].tolist())


@pytest.mark.parametrize("seed", [0, 4])
def test_rounds_cover_every_region_without_labels_where_one_round_takes_the_farthest(seed: int) -> None:
    pool, which = regions(300, 50, 50, far=(30.0, 5.0))
    at_once = counts(query(pool, drawn(60, 2), 20, seed, rounds=1), which)
    by_and_by = counts(query(pool, drawn(60, 2), 20, seed), which)
    assert at_once[1] >= 18
    assert min(by_and_by[1], by_and_by[2]) >= 4


def test_the_first_picks_lie_where_no_label_is() -> None:
    pool, which = regions(500, 40, far=(6.0,))
    assert counts(query(pool, drawn(100, 2), 10, rounds=1), which) == {1: 10}


def test_a_rare_side_counts_as_much_as_the_other() -> None:
    pool, which = regions(3000, 30, far=(6.0,))
    assert counts(query(pool, drawn(6, 2), 5, rounds=1), which)[1] >= 3


def test_quality_says_whether_there_is_anything_to_tell_apart() -> None:
    alike, other = drawn(400, 1), drawn(400, 1) + 4
    with qualities() as found:
        query(alike, drawn(200, 2), 10, rounds=1)
        query(other, drawn(200, 2), 10, rounds=1)
        query(other, drawn(4, 2), 10, rounds=1)  # too few to hold one out
    assert found == [pytest.approx(0.5, abs=0.12), pytest.approx(1.0, abs=0.01)]


@pytest.mark.parametrize(("k", "rounds"), [(1, 10), (7, 3), (12, 12)])
def test_rounds_divide_the_query_whatever_its_size(k: int, rounds: int) -> None:
    rows = query(drawn(30, 1), drawn(5, 2), k, rounds=rounds)
    assert len(set(rows)) == k


def test_scores_fall_within_a_round() -> None:
    evidence = {"embeddings": drawn(100, 1), "labeled_embeddings": drawn(20, 2)}
    picks = resolve("discriminative", {"rounds": 2}).choose(None, evidence, k=20, seed=0)
    for part in picks.scores.split(10):
        assert part.tolist() == sorted(part.tolist(), reverse=True)


def test_evidence_from_inference_mode_is_taken_and_no_graph_is_left() -> None:
    with torch.inference_mode():
        evidence = {"embeddings": drawn(50, 1), "labeled_embeddings": drawn(10, 2)}
        inside = resolve("discriminative").choose(None, evidence, k=5, seed=0)
    outside = resolve("discriminative").choose(None, evidence, k=5, seed=0)
    assert inside.positions.tolist() == outside.positions.tolist()
    assert not outside.scores.requires_grad


def test_constant_features_and_large_numbers_are_taken() -> None:
    pool, which = regions(200, 30, far=(6.0,))
    pool, labeled = 1e6 * pool + 1e7, 1e6 * drawn(60, 2) + 1e7
    pool[:, 7] = labeled[:, 7] = 5.0
    assert counts(query(pool, labeled, 10, rounds=1), which) == {1: 10}
    assert np.isfinite(query(torch.full((9, 3), 2.0), torch.full((5, 3), 2.0), 3)).all()


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(InputError, match="begin with random"):
        query(drawn(9, 1), drawn(0, 2), 3)
    with pytest.raises(OptionsError, match="'rounds'"):
        query(drawn(9, 1), drawn(3, 2), 3, rounds=0)
