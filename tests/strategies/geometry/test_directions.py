"""Directions of most variance against the exact ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from queryloop.strategies.geometry.directions import directions

from .rows import normal, seeded


def uneven(n: int, width: int) -> Tensor:
    """Rows whose variance falls by a tenth from one (turned) dimension to the next."""
    turned = torch.linalg.qr(normal(width, width, seed=1)).Q
    return normal(n, width) * 0.9 ** torch.arange(width) @ turned


def test_they_hold_nearly_the_variance_of_the_exact_ones() -> None:
    rows = uneven(2000, 100)
    found = directions(rows, torch.ones(2000).double(), 10, seeded())
    exact = torch.linalg.eigvalsh(rows.T @ rows)[-10:].sum()
    assert (rows @ found).square().sum() > 0.95 * exact
    torch.testing.assert_close(found.T @ found, torch.eye(10).double())


def test_heavy_rows_count_as_often_as_they_weigh() -> None:
    rows = uneven(200, 20)
    weights = torch.where(rows[:, 3].abs() > 1, 100.0, 0.0).double()
    found = directions(rows, weights, 5, seeded())
    exact = torch.linalg.eigvalsh(rows.T @ (weights[:, None] * rows))[-5:].sum()
    assert (weights @ (rows @ found).square()).sum() > 0.95 * exact


@pytest.mark.parametrize("scale", [0, 1e-30, 1e18])
def test_any_scale(scale: float) -> None:
    rows = (uneven(300, 20) * scale).float()
    found = directions(rows, torch.ones(300), 5, seeded())
    torch.testing.assert_close(found.T @ found, torch.eye(5))
    assert (rows @ found).square().sum() >= 0.8 * torch.linalg.svdvals(rows)[:5].square().sum()


def test_fewer_rows_than_directions() -> None:
    rows = normal(3, 20)
    found = directions(rows, torch.ones(3).double(), 8, seeded())
    torch.testing.assert_close(rows @ found @ found.T, rows)
