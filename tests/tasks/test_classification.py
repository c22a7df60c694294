from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from queryloop.errors import InputError, NonFiniteRowsError, OptionsError
from queryloop.models import efficientnet
from queryloop.options import ModelOptions
from queryloop.tasks.classification import networks
from queryloop.tasks.classification.metrics import evaluate
from queryloop.tasks.classification.networks import train
from queryloop.tasks.classification.prediction import predict, restore
from queryloop.tasks.task import Recipe
from queryloop.training.checkpoint import Checkpoint
from tests.tasks.conftest import CLASSES, IMAGES, LABELS, MODEL, TEST, TRAINING, trained

VALIDATION = (np.arange(1000, 1100), LABELS[1000:1100])
ALL = frozenset({"probs", "embeddings", "head", "n_classes"})
STILL = {"min_steps": 1, "epochs": 1, "learning_rate": 1e-12, "weight_decay": 0.0}


def _equal(a: Checkpoint, b: Checkpoint) -> bool:
    first, second = a.members["0"], b.members["0"]
    same = first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)
    return same and a.settings == b.settings


def test_digits_are_learnt(checkpoint: Checkpoint) -> None:
    probs = predict(checkpoint, IMAGES, TEST, frozenset({"probs"}), TRAINING)["probs"]
    assert evaluate(probs, LABELS[TEST])["accuracy"] > 0.85
    assert checkpoint.settings["log"]["train_accuracy"] > 0.95


@pytest.mark.parametrize("options", [{}, {"precision": "bf16"}, {"threads": 2}])
def test_the_same_inputs_give_the_same_bits(options: dict[str, object]) -> None:
    first = trained(20, min_steps=20, **options)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    assert _equal(first, trained(20, min_steps=20, **options))


@pytest.mark.slow
def test_bits_are_the_same_in_another_process_with_another_hash_seed() -> None:
    script = (
        "import sys; from tests.tasks.conftest import trained;"
        "sys.stdout.buffer.write(trained(20, min_steps=20).members['0']['head.1.weight'].tobytes())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
    assert done.stdout == trained(20, min_steps=20).members["0"]["head.1.weight"].tobytes()


def test_another_seed_gives_another_network() -> None:
    assert not _equal(trained(20, min_steps=5), trained(20, seed=1, min_steps=5))


def test_global_state_is_left_alone() -> None:
    state, threads, default = torch.random.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    numpy_state, python_state = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    predict(trained(20, min_steps=5, threads=threads + 1), IMAGES, TEST, ALL, TRAINING)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, default)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert random.getstate() == python_state


def test_inputs_are_not_written_to_and_may_be_read_only() -> None:
    images, rows, labels = IMAGES.copy(), np.arange(20), LABELS[:20].copy()
    for array in (images, rows, labels):
        array.setflags(write=False)
    train(images, (rows, labels), CLASSES, Recipe(MODEL, TRAINING, 0), (rows, labels))
    assert np.array_equal(images, IMAGES)


def test_settings_are_json_and_say_how_it_was_trained(checkpoint: Checkpoint) -> None:
    assert json.loads(json.dumps(checkpoint.settings)) == checkpoint.settings
    log = checkpoint.settings["log"]
    assert log["gradient_steps"] == 100
    assert (log["val_accuracy"], log["best_val_accuracy"]) == (None, None)
    assert checkpoint.settings["shape"] == [8, 8, 1]


def test_validation_is_logged_and_changes_no_weight() -> None:
    with_it = train(IMAGES, (np.arange(30), LABELS[:30]), CLASSES, Recipe(MODEL, TRAINING, 0), VALIDATION)
    log = with_it.settings["log"]
    assert 0 < log["val_accuracy"] <= log["best_val_accuracy"] <= 1
    without = trained(30)
    assert all(np.array_equal(v, without.members["0"][k]) for k, v in with_it.members["0"].items())


def test_the_log_tells_the_last_epoch_from_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter([0.2, 0.9, 0.4, 1.0])
    monkeypatch.setattr(networks, "_accuracy", lambda *_: next(said))
    training = TRAINING.model_copy(update={"epochs": 3, "min_steps": 3})
    made = train(IMAGES, (np.arange(30), LABELS[:30]), CLASSES, Recipe(MODEL, training, 0), VALIDATION)
    log = made.settings["log"]
    assert (log["val_accuracy"], log["best_val_accuracy"], log["train_accuracy"]) == (0.4, 0.9, 1.0)


def test_early_stopping_keeps_the_best_weights() -> None:
    training = TRAINING.model_copy(update={"epochs": 30, "min_steps": 90, "patience": 3})
    made = train(IMAGES, (np.arange(60), LABELS[:60]), CLASSES, Recipe(MODEL, training, 0), VALIDATION)
    log = made.settings["log"]
    assert log["gradient_steps"] < 90
    probs = predict(made, IMAGES, VALIDATION[0], frozenset({"probs"}), TRAINING)["probs"]
    assert log["val_accuracy"] == log["best_val_accuracy"]
    assert log["best_val_accuracy"] == evaluate(probs, VALIDATION[1])["accuracy"]


def test_patience_without_validation_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"training\.patience is 3, but there are no validation samples"):
        trained(20, patience=3)


def test_no_label_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="no labelled sample"):
        trained(0)


def test_one_single_label_trains() -> None:
    made = trained(1, min_steps=5)
    assert all(np.isfinite(array).all() for array in made.members["0"].values())


@pytest.mark.parametrize("reinit", ["warm", "shrink_perturb"])
def test_a_training_can_start_from_the_one_before(checkpoint: Checkpoint, reinit: str) -> None:
    options = {"epochs": 1, "min_steps": 1, "learning_rate": 1e-6, "batch_size": 200}
    cold, after = trained(120, **options), trained(120, previous=checkpoint, reinit=reinit, **options)
    distance = {
        name: np.abs(made.members["0"]["trunk.0.weight"] - checkpoint.members["0"]["trunk.0.weight"]).mean()
        for name, made in (("cold", cold), ("after", after))
    }
    assert distance["after"] < distance["cold"]
    assert _equal(trained(120, reinit=reinit, **options), cold)


def test_everything_asked_for_comes_from_one_pass(checkpoint: Checkpoint) -> None:
    found = predict(checkpoint, IMAGES, TEST, ALL, TRAINING)
    assert found.keys() == ALL
    assert found["n_classes"] == 10
    weight, bias = found["head"]
    again = torch.softmax(found["embeddings"] @ weight.T + bias, dim=1)
    assert torch.allclose(found["probs"], again, atol=1e-5)
    assert {found["probs"].dtype, found["embeddings"].dtype} == {torch.float32}
    assert torch.allclose(found["probs"].sum(dim=1), torch.ones(len(TEST)), atol=1e-5)


def test_only_what_is_asked_for_comes(checkpoint: Checkpoint) -> None:
    assert predict(checkpoint, IMAGES, TEST, frozenset(), TRAINING) == {}
    assert list(predict(checkpoint, IMAGES, TEST, frozenset({"embeddings"}), TRAINING)) == ["embeddings"]


def test_an_unknown_need_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(OptionsError, match=r"unknown need 'prob'.*'probs'"):
        predict(checkpoint, IMAGES, TEST, frozenset({"prob"}), TRAINING)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(OptionsError, match="unknown model 'cnm'"):
        train(IMAGES, (TEST, LABELS[TEST]), CLASSES, Recipe(ModelOptions(name="cnm"), TRAINING, 0))


def test_a_restored_network_is_the_trained_one(checkpoint: Checkpoint) -> None:
    (network,) = restore(checkpoint)
    assert not network.training
    assert all(np.array_equal(v, checkpoint.members["0"][k]) for k, v in network.state_dict().items())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_broken_weights_are_an_error(checkpoint: Checkpoint, value: float) -> None:
    weights = {name: array.copy() for name, array in checkpoint.members["0"].items()}
    weights["head.1.bias"][3] = value
    with pytest.raises(NonFiniteRowsError) as error:
        predict(replace(checkpoint, members={"0": weights}), IMAGES, TEST, frozenset({"probs"}), TRAINING)
    assert (error.value.count, error.value.first) == (360, 0)


def test_bfloat16_is_close_to_fp32() -> None:
    made, rows = trained(300, min_steps=200), np.arange(300, 1797)
    exact, fast = (
        predict(
            made, IMAGES, rows, frozenset({"probs"}), TRAINING.model_copy(update={"precision": precision})
        )
        for precision in ("32", "bf16")
    )
    assert (exact["probs"] - fast["probs"]).abs().max() < 0.1
    likeliest = [set(found["probs"].amax(dim=1).argsort()[:400].tolist()) for found in (exact, fast)]
    assert len(likeliest[0] & likeliest[1]) >= 392


@pytest.mark.parametrize("package", ["tasks", "training", "models", "training.checkpoint"])
def test_packages_do_not_import_torch(package: str) -> None:
    script = f"import sys, queryloop.{package}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.slow
def test_what_only_looks_at_experiments_does_not_import_what_trains() -> None:
    script = "import sys, queryloop.tasks.registry; print({'lightning'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_balanced_weights_let_every_class_that_occurs_count_the_same() -> None:
    labels = np.array([0] * 90 + [2] * 9 + [3])
    training = TRAINING.model_copy(update={"class_weights": "balanced"})
    logits = torch.zeros(len(labels), 5)
    losses = networks._losses(labels, 5, training, "cpu")(logits, torch.from_numpy(labels))
    assert losses.mean().item() == pytest.approx(np.log(5))
    by_class = [losses[torch.from_numpy(labels == number)].sum().item() for number in (0, 2, 3)]
    assert by_class == pytest.approx([by_class[0]] * 3)
    plain = networks._losses(labels, 5, TRAINING, "cpu")(logits, torch.from_numpy(labels))
    assert torch.equal(plain, torch.full_like(plain, plain[0].item()))


def test_balanced_weights_change_what_is_learnt_of_a_rare_class() -> None:
    rare, common = (np.flatnonzero(LABELS[:1000] == number) for number in (8, 1))
    rows, chance = np.concatenate([rare[:3], common[:60]]), []
    for class_weights in ("none", "balanced"):
        training = TRAINING.model_copy(update={"class_weights": class_weights, "epochs": 1, "min_steps": 20})
        made = train(IMAGES, (rows, LABELS[rows]), CLASSES, Recipe(MODEL, training, 0))
        probs = predict(made, IMAGES, rare, frozenset({"probs"}), TRAINING)["probs"]
        chance.append(float(probs[:, 8].mean()))
    assert chance[1] > chance[0] + 0.1


def test_pretrained_pixels_do_not_depend_on_the_labelled_rows() -> None:
    model = ModelOptions(name="resnet18", pretrained=True)
    assert networks._pixels(IMAGES, TEST, model).mean == pytest.approx([0.449], abs=1e-3)


def test_a_training_begins_with_the_published_weights() -> None:
    model = ModelOptions(name="efficientnet_lite0", pretrained=True)
    training = TRAINING.model_copy(update=STILL)
    made = train(IMAGES, (np.arange(8), LABELS[:8]), CLASSES, Recipe(model, training, 0))
    for name, tensor in efficientnet.packaged_weights(model.name, 1).items():
        if name.endswith("weight"):
            np.testing.assert_allclose(made.members["0"][f"trunk.{name}"], tensor, atol=1e-9)
