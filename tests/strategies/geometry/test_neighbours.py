"""Nearest rows against scipy, and rows that stand more than once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from queryloop.strategies.geometry import neighbours
from queryloop.strategies.geometry.copies import distinct
from queryloop.strategies.geometry.neighbours import blocks_of, nearest

from .rows import normal


@pytest.mark.parametrize("block", [2**22, 45, 1])
def test_neighbours_are_those_of_scipy(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    queries, base = normal(13, 4) + 50, normal(20, 4, seed=1) + 50
    distances, indices = nearest(queries, base, 5)
    full = cdist(queries, base)
    np.testing.assert_array_equal(indices, full.argsort(1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(full)[:, :5], rtol=1e-9)


@pytest.mark.parametrize("block", [2**22, 45])
def test_no_row_is_its_own_neighbour(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    x = normal(20, 4)
    distances, indices = nearest(x, x, 30, exclude_self=True)
    full = cdist(x, x) + np.diag([np.inf] * 20)
    assert indices.shape == (20, 19)
    np.testing.assert_array_equal(indices, full.argsort(1)[:, :19])
    assert distances.isfinite().all()
    assert nearest(x, x, 30)[1].shape == (20, 20)


def test_nobody_asks_nobody_answers() -> None:
    distances, indices = nearest(normal(0, 4), normal(6, 4), 2)
    assert distances.shape == indices.shape == (0, 2)


def test_blocks_hold_every_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", 12)
    assert blocks_of(7, 4) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert blocks_of(2, 100) == [slice(0, 1), slice(1, 2)]
    assert blocks_of(6, 0) == [slice(0, 6)]
    assert blocks_of(0, 4) == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_that_stand_more_than_once_are_told(dtype: torch.dtype) -> None:
    a, b, c = normal(3, 5, dtype=dtype)
    z = torch.zeros(5, dtype=dtype)
    found = distinct(torch.stack([b, a, b, z, c, -z, b, c.flip(0)]))
    assert found.firsts.tolist() == [0, 1, 3, 4, 7]
    assert found.counts.tolist() == [3, 1, 2, 1, 1]
    assert found.repeats.tolist() == [2, 5, 6]


def test_many_rows_are_all_distinct() -> None:
    grid = torch.cartesian_prod(*[torch.tensor([0.0, 1.0, -1.0, 0.5])] * 6)
    assert len(distinct(grid).firsts) == 4**6
    assert len(distinct(torch.zeros(5, 2)).repeats) == 4
