"""Farthest first: the greedy way to k centres, exact, with few distances."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from queryloop.strategies.geometry.points import Points
from queryloop.strategies.geometry.reach import Reach

_LEADERS = 512  # rows that are kept up to date at once


def farthest(reach: Reach, k: int) -> None:
    """Take rows, each the farthest from those before, until k are chosen; copies come last.

    Outdated distances are upper bounds, so only the leading rows are brought up to date: no other can be
    farther than the first bound that was left out. With neither rows nor centres yet, the row nearest to
    the mean comes first; its gain is the distance of the row farthest from it. Gains are distances.
    """
    if not reach.chosen and math.isinf(reach.distances[0]):
        _begin(reach)
    spent = 0
    while len(reach.chosen) < k:
        spent += _take_leaders(reach, k) * (len(reach.chosen) - reach.updated + 1)
        if spent >= len(reach.distances) * (len(reach.chosen) - reach.updated) / 2:
            reach.update()
            spent = 0


def _begin(reach: Reach) -> None:
    (rows,) = reach.points.factors
    row = int(reach.points.squared_distances(Points(rows.mean(dim=0, keepdim=True))).argmin())
    reach.chosen[row] = 0.0
    reach.update()
    reach.chosen[row] = math.sqrt(max(0.0, float(reach.distances.max())))


def _take_leaders(reach: Reach, k: int) -> int:
    """Bring the leading rows up to date, take as many as surely come next; returns how many leaders."""
    bounds, leaders = reach.distances.topk(min(_LEADERS + 1, len(reach.distances)))
    bar = max(0.0, float(bounds[_LEADERS])) if len(leaders) > _LEADERS else 0.0
    leaders = leaders[:_LEADERS]
    distances = reach.current(leaders)
    reach.distances[leaders] = distances
    able = distances >= bar
    _take(reach, leaders[able], distances[able].cpu().numpy(), bar, k)
    return len(leaders)


def _take(reach: Reach, rows: Tensor, left: np.ndarray, bar: float, k: int) -> None:
    """Take the farthest of these rows as long as it reaches the bar. left: their distances now."""
    points = reach.points.rows(rows)
    between = points.squared_distances(points).cpu().numpy()
    while len(reach.chosen) < k and left.max(initial=-math.inf) >= bar:
        place = int(left.argmax())
        reach.chosen[int(rows[place])] = math.sqrt(left[place])
        left = np.minimum(left, between[place])
        left[place] = -math.inf
    reach.distances[rows] = torch.from_numpy(left).to(reach.distances)
