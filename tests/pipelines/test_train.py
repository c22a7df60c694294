"""Training as a node: which earlier network each member goes on from, and what tells trainings apart."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from queryloop import samples as tables
from queryloop.models.pretrained import Pretrained, imagenet_scale
from queryloop.models.registry import MODELS
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.pipelines.train import _before, training_key
from queryloop.tasks.registry import tasks
from queryloop.tasks.task import Data, Recipe
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
    assert tasks()[task].looked_at(Data(pd.DataFrame(), SPLITS, SimpleNamespace()), POOL, training) == seen
    labeled = pd.DataFrame({"sample_id": ["a"], "label": ["x"]})
    keys = {
        training_key(labeled, other, labeled[:0], {}, Recipe(ModelOptions(), training, 0))
        for other in (seen, [*seen, "d"])
    }
    assert len(keys) == 2


def key(**training: object) -> str:
    labeled = pd.DataFrame({"sample_id": ["a"], "label": ["x"]})
    options = TrainingOptions.model_validate({"device": "cpu", "precision": "32", "threads": 2, **training})
    return training_key(labeled, [], labeled[:0], {}, Recipe(ModelOptions(), options, 0))


def test_trainings_that_differ_in_words_only_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    monkeypatch.setattr("queryloop.training.compute._native_bf16", lambda _device: False)
    others = [{"precision": "auto"}, {"threads": "auto"}, {"auxiliary": "none"}, {"vaal": {"beta": 2}}]
    assert {key(**other) for other in others} == {key()}


@pytest.mark.parametrize(
    "other",
    [
        {"precision": "bf16"},
        {"threads": 1},
        {"auxiliary": "vaal"},
        {"epochs": 11},
    ],
)
def test_trainings_that_compute_otherwise_are_told_apart(other: dict[str, object]) -> None:
    assert key(**other) != key()


def test_options_of_what_is_trained_beside_tell_trainings_apart() -> None:
    assert key(auxiliary="vaal") != key(auxiliary="vaal", vaal={"beta": 2})
    assert key(auxiliary="vaal") == key(auxiliary="vaal", adversarial={"weight": 2})


def test_a_precision_that_validation_has_too_tells_trainings_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queryloop.training.compute._native_bf16", lambda _device: True)
    assert key(precision="auto") != key(precision="bf16")


def test_other_published_weights_are_another_source(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = tasks()["classification"].sources
    found = []
    for value in (0, 1):
        weights = Pretrained(lambda _name, _n, value=value: {"a": torch.full((2,), value)}, imagenet_scale)
        monkeypatch.setitem(MODELS, "resnet18", replace(MODELS["resnet18"], pretrained=weights))
        found.append(sources(ModelOptions(name="resnet18", pretrained=True)))
        assert sources(ModelOptions(name="resnet18")) == {}
        assert sources(ModelOptions(name="resnet18", pretrained=True, freeze="trunk")) == found[-1]
    assert found[0].keys() == {"weights"}
    assert found[0] != found[1]
