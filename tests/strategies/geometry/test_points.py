"""Distances against scipy; copies, and rows far from the origin."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from queryloop.errors import NonFiniteError
from queryloop.strategies.geometry.points import Points, centred

from .rows import normal, outer


def test_distances_are_those_of_scipy() -> None:
    x, y = normal(30, 7), normal(11, 7, seed=1)
    np.testing.assert_allclose(
        Points(x).squared_distances(Points(y)), cdist(x, y, "sqeuclidean"), rtol=1e-12, atol=1e-12
    )
    assert len(Points(x)) == 30


def test_two_factors_stand_for_their_outer_products() -> None:
    a, h, b, g = normal(9, 3), normal(9, 5, seed=1), normal(4, 3, seed=2), normal(4, 5, seed=3)
    points, others = Points(a, h), Points(b, g)
    np.testing.assert_allclose(points.squared_norms, outer(a, h).square().sum(1))
    np.testing.assert_allclose(
        points.squared_distances(others), cdist(outer(a, h), outer(b, g), "sqeuclidean"), rtol=1e-10
    )


def test_rows_of_points_are_points() -> None:
    a, h, index = normal(9, 3), normal(9, 5, seed=1), torch.tensor([7, 0, 7])
    rows = Points(a, h).rows(index)
    assert torch.equal(rows.squared_norms, Points(a[index], h[index]).squared_norms)
    assert all(map(torch.equal, rows.factors, (a[index], h[index])))
    assert len(Points(a).rows(slice(2, 5))) == 3


@pytest.mark.parametrize("width", [1, 8, 512, 4096])
@pytest.mark.parametrize("offset", [0.0, 3.0])
@pytest.mark.parametrize("factors", [1, 2])
def test_copies_are_at_exactly_nothing_and_others_are_not(width: int, offset: float, factors: int) -> None:
    parts = [normal(40, width, seed=part, dtype=torch.float32) + offset for part in range(factors)]
    points = Points(*(torch.cat([part, part]) for part in parts))
    for count in (1, 3, 40):
        squares = points.squared_distances(points.rows(torch.arange(40, 40 + count)))
        again = torch.arange(count)
        assert (squares[again, again] == 0).all()
        assert (squares[40 + again, again] == 0).all()
        assert (squares >= 0).all()
        if width > 1:
            assert (squares == 0).sum() == 2 * count


def test_lengths_beyond_the_range_of_the_precision_are_refused() -> None:
    x = normal(6, 4, dtype=torch.float32)
    x[3] *= 1e20
    with pytest.raises(NonFiniteError, match=r"squared lengths of the embeddings.*3.*NaN or infinity"):
        Points(x)


def test_what_lies_beyond_rounding_is_apart() -> None:
    eps = torch.finfo(torch.float64).eps
    x = torch.tensor([[1.0]], dtype=torch.float64)
    squares = [float(Points(x).squared_distances(Points(x + step * eps**0.5))) for step in (5, 7)]
    assert squares[0] == 0
    assert squares[1] == pytest.approx(49 * eps, rel=0.1)


def test_far_from_the_origin_rows_are_centred_and_near_it_they_are_left_alone() -> None:
    x, y = normal(50, 6, dtype=torch.float32), normal(5, 6, seed=1, dtype=torch.float32)
    assert centred(x, y)[0] is x
    assert centred(x, y)[1] is y
    moved, others = centred(x + 1e3, y + 1e3)
    assert moved.mean(dim=0).abs().max() < 1e-3
    np.testing.assert_allclose(
        Points(moved).squared_distances(Points(others)), cdist(x, y, "sqeuclidean"), rtol=2e-2
    )


@pytest.mark.parametrize("width", [1, 3])
def test_rows_are_moved_from_twice_their_spread_on(width: int) -> None:
    x = torch.tensor([[-1.0], [1.0]]).expand(2, width)
    assert torch.equal(centred(x + 2)[0], x + 2)
    torch.testing.assert_close(centred(x + 2.01)[0], x)
