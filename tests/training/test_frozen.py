"""A frozen trunk: its features are what the very network would see, and nothing trains it."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from kedro.config import OmegaConfigLoader

from queryloop.errors import NonFiniteError, StateError
from queryloop.experiment import checked
from queryloop.models import efficientnet
from queryloop.models.registry import build
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.randomness import derived_seed
from queryloop.tasks.classification.networks import measured, train
from queryloop.tasks.classification.prediction import predict
from queryloop.tasks.task import Recipe
from queryloop.training.checkpoint import digest
from queryloop.training.frozen import FrozenTrunk, frozen_trunk
from tests.projects import ROOT
from tests.readers.reading import read_all

IMAGES = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(300) % 3
MODEL = ModelOptions(name="cnn", width=4, freeze="trunk")
TRAINING = TrainingOptions(epochs=1, min_steps=20, precision="32", threads=1)


def features_of(trunk: FrozenTrunk, training: TrainingOptions = TRAINING) -> np.ndarray:
    return np.concatenate(list(trunk.features(IMAGES, training)))


def changed(**options: Any) -> ModelOptions:
    return MODEL.model_copy(update=options)


def weights(trunk: FrozenTrunk) -> str:
    return digest({name: value.numpy() for name, value in trunk.network.state_dict().items()})


@pytest.mark.parametrize("model", [MODEL, changed(name="resnet18", resolution=16)])
def test_features_are_what_the_learning_network_would_begin_with(model: ModelOptions) -> None:
    torch.manual_seed(derived_seed(7, 0, "weights of a frozen trunk"))
    network = build(model.model_copy(update={"freeze": "none"}), IMAGES.shape[1:], 3).eval()
    inputs = torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        expected = network.embed(inputs).numpy()
    found = features_of(frozen_trunk(model, IMAGES.shape[1:], 7))
    assert found.dtype == np.float32
    assert found.shape == (300, network.head.n_features)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", [4, 16])
def test_resolution_is_the_side_of_what_the_trunk_sees(side: int) -> None:
    torch.manual_seed(0)
    network = build(ModelOptions(name="mlp", width=8, resolution=side), (8, 8, 3), 3).eval()
    inputs = torch.rand(5, 3, 8, 8)
    scaled = F.interpolate(inputs, (side, side), mode="bilinear", antialias=True)
    torch.testing.assert_close(network.embed(inputs), network.trunk(scaled))


def test_precision_of_the_training_changes_no_feature() -> None:
    trunk = frozen_trunk(MODEL, IMAGES.shape[1:], 0)
    fast = TRAINING.model_copy(update={"precision": "bf16"})
    assert np.array_equal(features_of(trunk), features_of(trunk, fast))


def test_training_on_features_trains_a_head_and_leaves_the_trunk_bit_for_bit() -> None:
    trunk = frozen_trunk(MODEL, IMAGES.shape[1:], 0)
    before, features = weights(trunk), features_of(trunk)
    made = train(features, (np.arange(30), LABELS[:30]), list("abc"), Recipe(MODEL, TRAINING, 0))
    assert all(name.startswith("head.") for name in made.members["0"])
    assert weights(trunk) == before
    assert np.array_equal(features_of(trunk), features)
    for others in (IMAGES, features[:, 1:]):
        with pytest.raises(StateError, match=r"trained with the shape \[\d+\], but"):
            predict(made, others, np.arange(3), frozenset({"probs"}), TRAINING)
    found = predict(made, features, np.arange(300), frozenset({"probs", "embeddings"}), TRAINING)
    assert found["probs"].shape == (300, 3)
    assert np.corrcoef(found["embeddings"][:, 0], features[:, 0])[0, 1] == pytest.approx(1, abs=1e-5)


def test_features_that_are_constant_or_rare_in_the_labelled_rows_stay_finite() -> None:
    features = np.random.default_rng(0).random((300, 5), dtype=np.float32)
    features[:30, :2] = 0
    made = train(features, (np.arange(30), LABELS[:30]), list("abc"), Recipe(MODEL, TRAINING, 0))
    seen = predict(made, features, np.arange(300), frozenset({"embeddings"}), TRAINING)["embeddings"]
    assert seen.abs().max() < 10


def fingerprint(model: ModelOptions, seed: int = 0, images: str = "a") -> str:
    return frozen_trunk(model, IMAGES.shape[1:], seed).fingerprint(images)


@pytest.mark.parametrize("options", [{"width": 8}, {"name": "mlp"}, {"resolution": 16}])
def test_another_trunk_has_another_fingerprint(options: dict[str, Any]) -> None:
    assert fingerprint(MODEL) != fingerprint(changed(**options))


def test_other_images_and_another_seed_have_another_fingerprint() -> None:
    assert len({fingerprint(MODEL), fingerprint(MODEL, seed=1), fingerprint(MODEL, images="b")}) == 3


def test_the_same_weights_in_other_layers_have_another_fingerprint() -> None:
    trunk = copy.deepcopy(frozen_trunk(MODEL, IMAGES.shape[1:], 0))
    before = trunk.fingerprint("a")
    trunk.network.trunk[0].padding = (0, 0)
    assert trunk.fingerprint("a") != before


@pytest.mark.parametrize("head", [{"head": "mlp"}, {"dropout": 0.5}])
def test_what_concerns_the_head_alone_changes_no_fingerprint(head: dict[str, Any]) -> None:
    assert fingerprint(MODEL) == fingerprint(changed(**head))


def test_features_that_are_no_numbers_are_an_error_that_names_the_row() -> None:
    trunk = copy.deepcopy(frozen_trunk(MODEL, IMAGES.shape[1:], 0))
    next(trunk.network.parameters()).fill_(torch.inf)
    with pytest.raises(NonFiniteError, match="frozen trunk cnn gave NaN or infinity for the image in row 0"):
        features_of(trunk)


def test_a_pretrained_trunk_is_the_published_one_for_every_seed() -> None:
    model = ModelOptions(name="efficientnet_lite0", pretrained=True, freeze="trunk")
    first, second = (frozen_trunk(model, IMAGES.shape[1:], seed) for seed in (0, 1))
    published = efficientnet.packaged_weights(model.name, 3)
    found = second.network.trunk.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in published.items())
    assert (second.pixels.mean, second.pixels.std) == efficientnet.packaged_scale(3)
    assert not any(part.training for part in second.network.modules())
    assert first.fingerprint("a") == second.fingerprint("a")


@pytest.mark.slow
@pytest.mark.real_data
def test_pretrained_features_reach_what_is_published_of_cifar10() -> None:
    """The published 72.2% and 76.5% of logistic regression on 1,000 and 5,000 random labels."""
    if "QUERYLOOP_RAW_ROOT" not in os.environ:
        pytest.skip("QUERYLOOP_RAW_ROOT does not say where the data sets lie")
    found, images = read_all("cifar10", Path(os.environ["QUERYLOOP_RAW_ROOT"]))
    is_test = found.samples["split"].to_numpy() == "test"
    known = np.random.default_rng(0).permutation(np.flatnonzero(~is_test))[:5000]
    rows = np.concatenate([known, np.flatnonzero(is_test)])
    classes, labels = np.unique(found.samples["label"].to_numpy(str)[rows], return_inverse=True)
    loader = OmegaConfigLoader(
        str(ROOT / "conf"), env="cifar10_features", base_env="base", default_run_env="local"
    )
    options = checked(loader["parameters"], ())
    training = options.training.model_copy(update={"threads": 1})
    trunk = frozen_trunk(options.model, images.shape[1:], 0)
    features = np.concatenate(list(trunk.features(images[rows], training)))
    test = np.arange(5000, len(rows)), labels[5000:]
    for n, expected in ((1000, 0.722), (5000, 0.765)):
        recipe = Recipe(options.model, training, 0)
        made = train(features, (np.arange(n), labels[:n]), classes.tolist(), recipe)
        assert measured(made, features, test, training)["accuracy"] >= expected
