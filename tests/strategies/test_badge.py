"""BADGE against the same chances on the materialised gradients."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from queryloop.strategies import select
from queryloop.strategies.badge import badge
from queryloop.strategies.made_up import example


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def inputs(n: int = 30, seed: int = 0) -> tuple[Tensor, Tensor]:
    evidence = example(n=n, seed=seed)
    return torch.from_numpy(evidence["probs"]), torch.from_numpy(evidence["embeddings"])


def gradients(probs: Tensor, embeddings: Tensor) -> np.ndarray:
    rows = []
    for p, h in zip(probs.numpy(), embeddings.numpy(), strict=True):
        residual = p.copy()
        residual[p.argmax()] -= 1
        rows.append(np.outer(residual, h).ravel())
    return np.array(rows)


def test_first_comes_the_longest_gradient_then_gains_are_distances() -> None:
    probs, embeddings = inputs()
    g = gradients(probs, embeddings)
    rows, scores = (part.numpy() for part in badge(probs, embeddings, 20, seeded()))
    assert int(rows[0]) == int((g**2).sum(1).argmax())
    assert float(scores[0]) == pytest.approx(np.linalg.norm(g[rows[0]]))
    slow = [cdist(g[rows[:i]], g[rows[i : i + 1]]).min() for i in range(1, 20)]
    np.testing.assert_allclose(scores[1:], slow)


def test_the_second_pick_has_the_chance_of_its_squared_distance() -> None:
    probs, embeddings = inputs(8)
    squares = cdist(gradients(probs, embeddings), gradients(probs, embeddings), "sqeuclidean")
    first, generator = int(badge(probs, embeddings, 1, seeded()).positions), seeded()
    seen = Counter(int(badge(probs, embeddings, 2, generator).positions[1]) for _ in range(800))
    expected = squares[first] / squares[first].sum() * 800
    others = [row for row in range(8) if row != first]
    assert first not in seen
    assert scipy.stats.chisquare([seen[row] for row in others], expected[others]).pvalue > 1e-3


def test_sure_rows_come_last_farthest_embedding_first_and_copies_at_the_very_end() -> None:
    probs, embeddings = inputs(8)
    probs[:3] = torch.eye(4, dtype=probs.dtype)[0]
    embeddings[:3] = torch.tensor([[50.0], [20.0], [-100.0]], dtype=probs.dtype)
    copies = torch.tensor([0, 3, 1, 2, 4, 5, 6, 7, 4, 3, 0])
    rows, scores = badge(probs[copies], embeddings[copies], 11, seeded())
    kinds = copies[rows].tolist()
    assert sorted(kinds[:5]) == [3, 4, 5, 6, 7]
    assert kinds[5:8] == [2, 0, 1]
    assert sorted(kinds[8:]) == [0, 3, 4]
    assert (scores[:5] > 0).all()
    assert scores[5:].tolist() == [0] * 6


def test_where_all_are_sure_the_row_in_the_middle_is_first() -> None:
    embeddings = torch.tensor([[0.0], [1.0], [2.1], [9.0]])
    rows, scores = badge(torch.eye(2)[[0, 1, 1, 0]], embeddings, 4, seeded())
    assert rows.tolist() == [2, 3, 0, 1]
    assert scores.tolist() == [0] * 4


def test_inputs_stay_as_they_are() -> None:
    probs, embeddings = inputs()
    before = probs.clone(), embeddings.clone()
    badge(probs, embeddings, 30, seeded())
    assert torch.equal(probs, before[0])
    assert torch.equal(embeddings, before[1])


def test_the_seed_decides() -> None:
    evidence = example()
    asked = {
        tuple(select("badge", k=5, seed=s, probs=evidence["probs"], embeddings=evidence["embeddings"]))
        for s in (0, 0, 1, 2)
    }
    assert len(asked) == 3


def test_large_pools_are_sampled_alike() -> None:
    probs, embeddings = inputs(600)
    g = gradients(probs, embeddings)
    squares = cdist(g, g, "sqeuclidean")

    def plain(draw: np.random.Generator) -> float:
        left = squares[int((g**2).sum(1).argmax())]
        for _ in range(59):
            left = np.minimum(left, squares[draw.choice(600, p=left / left.sum())])
        return left.sum()

    ours = [squares[badge(probs, embeddings, 60, seeded(s)).positions].min(0).sum() for s in range(50)]
    theirs = [plain(np.random.default_rng(s)) for s in range(50)]
    assert scipy.stats.ks_2samp(ours, theirs).pvalue > 1e-3
