"""Farthest first against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from queryloop.strategies.geometry.farthest import farthest
from queryloop.strategies.geometry.points import Points
from queryloop.strategies.geometry.reach import Reach

from .rows import blobs


def plain_farthest(x: np.ndarray, start: list[int], k: int) -> list[int]:
    chosen = list(start)
    while len(chosen) < k:
        chosen.append(int(cdist(x, x[chosen]).min(1).argmax()))
    return chosen


@pytest.mark.parametrize("leaders", [1, 2, 7, 512])
@pytest.mark.parametrize("width", [2, 30])
def test_lazy_is_plain(leaders: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queryloop.strategies.geometry.farthest._LEADERS", leaders)
    x = blobs(10, 30, width)
    reach = Reach(Points(x))
    farthest(reach, 60)
    rows, gains = reach.result()
    first = int(cdist(x, x.mean(0)[None]).argmin())
    assert rows.tolist() == plain_farthest(x.numpy(), [first], 60)
    slow = [cdist(x[rows[:i]], x[rows[i], None]).min() for i in range(1, 60)]
    np.testing.assert_allclose(gains[1:], slow)
    assert gains[0] == pytest.approx(cdist(x, x[first, None]).max())


def test_bounds_never_lie_below_the_truth() -> None:
    x = blobs(10, 30, 4)
    reach = Reach(Points(x), Points(x[:3] + 1))
    farthest(reach, 40)
    truth = torch.from_numpy(cdist(x, torch.cat([x[:3] + 1, x[[*reach.chosen]]])).min(1) ** 2)
    free = torch.ones(300, dtype=torch.bool)
    free[[*reach.chosen]] = False
    assert (reach.distances[free] >= truth[free] - 1e-9).all()
    torch.testing.assert_close(reach.current(free.nonzero()[:, 0]), truth[free])
    reach.update()
    assert len(reach.pending) == 0
    torch.testing.assert_close(reach.distances[free], truth[free])
    assert (reach.distances[~free] == -torch.inf).all()
