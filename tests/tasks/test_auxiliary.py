"""A loss module beside the network: in the checkpoint, in the scoring pass, and from cycle to cycle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from queryloop.tasks.classification.networks import train
from queryloop.tasks.classification.prediction import Draws, predict, restore
from queryloop.tasks.task import Recipe
from queryloop.training import predict as scoring
from queryloop.training.checkpoint import Checkpoint, joined
from queryloop.training.reinit import PERTURB, SHRINK
from tests.tasks.conftest import CLASSES, IMAGES, LABELS, MODEL, TEST, TRAINING, trained

LOSS = frozenset({"predicted_loss"})
STILL = {"min_steps": 1, "epochs": 1, "learning_rate": 1e-12, "weight_decay": 0.0}


def beside(n: int = 40, **options: Any) -> Checkpoint:
    return trained(n, auxiliary="learning_loss", **{"min_steps": 20, "epochs": 1, **options})


@pytest.fixture(scope="module")
def judged() -> Checkpoint:
    return beside()


def judgement(checkpoint: Checkpoint, rows: np.ndarray = TEST) -> torch.Tensor:
    return predict(checkpoint, IMAGES, rows, LOSS, TRAINING)["predicted_loss"]


def test_a_network_starts_from_the_same_weights_with_and_without_it() -> None:
    alone, together = trained(40, **STILL), beside(**STILL)
    with_module, without = together.members["0"], alone.members["0"]
    weights = [
        name for name in without if not name.partition(".")[2].endswith(("running_mean", "running_var"))
    ]
    for name in weights:
        np.testing.assert_allclose(with_module[name], without[name], atol=1e-9)
    assert {name.partition(".")[0] for name in with_module.keys() - without.keys()} == {"auxiliary"}


def test_it_is_restored_with_its_network(judged: Checkpoint) -> None:
    assert judged.settings["auxiliary"]["auxiliary"] == "learning_loss"
    assert judged.settings["log"]["auxiliary_steps"] == 0
    (network,) = restore(judged)
    assert all(np.array_equal(v, judged.members["0"][k]) for k, v in network.state_dict().items())


def test_predictions_depend_neither_on_batch_nor_on_order(
    judged: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, order = judgement(judged), np.random.default_rng(0).permutation(len(TEST))
    assert whole.shape == (len(TEST),)
    assert whole.std() > 0.01
    torch.testing.assert_close(judgement(judged, TEST[order]), whole[order], atol=1e-5, rtol=1e-5)
    monkeypatch.setattr(scoring.predict, "__defaults__", (37,))
    torch.testing.assert_close(judgement(judged), whole, atol=1e-5, rtol=1e-5)


def test_it_comes_from_one_pass_with_everything_else(judged: Checkpoint) -> None:
    needs = frozenset({"probs", "activations", "embeddings", "predicted_loss"})
    found = predict(judged, IMAGES, TEST, needs, TRAINING)
    assert torch.equal(found["predicted_loss"], judgement(judged))
    assert found.keys() == needs


def test_the_first_network_of_an_ensemble_predicts() -> None:
    parts = [beside(20, min_steps=5), trained(20, seed=1, min_steps=5, auxiliary="learning_loss")]
    needs = frozenset({"predicted_loss", "mc_probs"})
    found = predict(joined(parts), IMAGES, TEST, needs, TRAINING, Draws("ensemble", 2, 0))
    assert torch.equal(found["predicted_loss"], judgement(parts[0]))
    assert not torch.equal(found["predicted_loss"], judgement(parts[1]))


def test_a_warm_start_takes_the_module_too(judged: Checkpoint) -> None:
    weights = beside(60, previous=judged, reinit="warm", **STILL).members["0"]
    for name, before in judged.members["0"].items():
        if name.startswith("auxiliary."):
            np.testing.assert_allclose(weights[name], before, atol=1e-9)


def test_shrink_and_perturb_mixes_the_module_too(judged: Checkpoint) -> None:
    fresh = beside(60, **STILL).members["0"]
    mixed = beside(60, previous=judged, reinit="shrink_perturb", **STILL).members["0"]
    name = "auxiliary.stages.0.weight"
    expected = SHRINK * judged.members["0"][name] + PERTURB * fresh[name]
    np.testing.assert_allclose(mixed[name], expected, atol=1e-7)


@pytest.mark.parametrize("precision", ["32", "bf16"])
@pytest.mark.parametrize("kind", ["learning_loss", "adversarial", "vaal"])
def test_labels_of_one_class_and_rough_numbers_are_no_reason_to_fail(kind: str, precision: str) -> None:
    rows, options = np.flatnonzero(LABELS == 3)[:30], {"min_steps": 20, "epochs": 1}
    training = TRAINING.model_copy(update={**options, "auxiliary": kind, "precision": precision})
    pool = np.setdiff1d(np.arange(200), rows)
    made = train(IMAGES, (rows, LABELS[rows]), CLASSES, Recipe(MODEL, training, 0), pool=pool)
    need = "predicted_loss" if kind == "learning_loss" else "discriminator"
    seen = predict(made, IMAGES, TEST, frozenset({need, "probs"}), training)
    assert seen[need].isfinite().all()
    assert seen["probs"].argmax(dim=1).eq(3).float().mean() > 0.5
