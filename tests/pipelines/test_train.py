"""Training as a node: which earlier network each member goes on from, and what tells trainings apart."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from queryloop import samples as tables
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.pipelines.train import _before, training_key
from queryloop.tasks.registry import TASKS
from queryloop.tasks.task import Data
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


SPLITS = tables.table("splits", {"sample_id": list("abc"), "split": ["train", "train", "test"]})
POOL = tables.table("pool_index", {"sample_id": ["b"]})


@pytest.mark.parametrize(
    ("task", "auxiliary", "seen"),
    [
        ("classification", "none", []),
        ("classification", "adversarial", ["b"]),
        ("segmentation", "none", ["a", "b"]),
    ],
)
def test_trainings_that_look_at_other_samples_are_told_apart(
    task: str, auxiliary: str, seen: list[str]
) -> None:
    training = TrainingOptions(auxiliary=auxiliary)
    assert TASKS[task].looked_at(Data(pd.DataFrame(), SPLITS, SimpleNamespace()), POOL, training) == seen
    labeled = pd.DataFrame({"sample_id": ["a"], "label": ["x"]})
    keys = {
        training_key(labeled, other, labeled[:0], {}, ModelOptions(), training, 0, None, None)
        for other in (seen, [*seen, "d"])
    }
    assert len(keys) == 2
