"""Training as a node: which earlier network each member of an ensemble goes on from."""

from __future__ import annotations

import numpy as np
import pytest

from queryloop.pipelines.train import _before
from queryloop.training.checkpoint import Checkpoint

PREVIOUS = Checkpoint({"classes": ["a", "b"]}, {str(i): {"weight": np.full(2, i)} for i in range(3)})


@pytest.mark.parametrize("reinit", ["warm", "shrink_perturb"])
def test_each_member_goes_on_from_its_own_network(reinit: str) -> None:
    for member in range(3):
        before = _before(PREVIOUS, member, reinit)
        assert before is not None
        assert before.settings == PREVIOUS.settings
        assert before.members["0"] is PREVIOUS.members[str(member)]


def test_the_first_cycle_and_cold_ones_begin_afresh() -> None:
    assert _before(Checkpoint({}, {}), 1, "warm") is None
    assert _before(PREVIOUS, 1, "cold") is None
