"""Turns and ranks against loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from queryloop.strategies.turns import ranks, starts, take_turns


def slow_turns(groups: list[int], keys: list[float], precedence: list[float], k: int) -> list[int]:
    queues = {
        group: sorted((row for row in range(len(groups)) if groups[row] == group), key=lambda row: keys[row])
        for group in sorted(set(groups), key=lambda group: precedence[group])
    }
    taken: list[int] = []
    while any(queues.values()):
        taken.extend(queue.pop(0) for queue in queues.values() if queue)
    return taken[:k]


@pytest.mark.parametrize("k", [1, 7, 20, 40])
def test_groups_take_turns_until_they_are_empty(k: int) -> None:
    draw = np.random.default_rng(k)
    groups, keys = draw.integers(5, size=40), draw.random(40)
    precedence = draw.permutation(5)
    found = take_turns(*map(torch.from_numpy, (groups, keys, precedence)), k)
    assert found.tolist() == slow_turns(groups.tolist(), keys.tolist(), precedence.tolist(), k)


def test_the_rest_goes_to_low_precedence() -> None:
    groups = torch.tensor([0, 0, 0, 1, 1, 1, 2])
    assert take_turns(groups, torch.zeros(7), torch.tensor([3, 1, 2]), 5).tolist() == [3, 6, 0, 4, 1]


def test_ranks_count_from_zero_and_keep_the_order_of_equals() -> None:
    groups = torch.tensor([2, 0, 2, 0, 2])
    assert ranks(groups, torch.tensor([5.0, 1.0, 5.0, 0.0, 1.0])).tolist() == [1, 1, 2, 0, 0]


def test_starts_are_where_sorted_groups_begin() -> None:
    assert starts(torch.tensor([3, 0, 0, 1])).tolist() == [0, 2, 3, 3]
