from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from queryloop.errors import InputError, NonFiniteRowsError, StateError
from queryloop.tasks.classification.prediction import Draws, predict, restore
from queryloop.training import predict as scoring
from queryloop.training.checkpoint import Checkpoint, joined
from tests.tasks.conftest import IMAGES, MODEL, TEST, TRAINING, trained

MASKS = Draws("dropout", 6, seed=3)
MC = frozenset({"mc_probs"})


@pytest.fixture(scope="module")
def dropping() -> Checkpoint:
    """A network whose head drops a third of the features."""
    made = trained(60, min_steps=30)
    return replace(made, settings={**made.settings, "model": {**MODEL.model_dump(), "dropout": 0.3}})


def drawn(checkpoint: Checkpoint, rows: np.ndarray = TEST, draws: Draws = MASKS) -> torch.Tensor:
    return predict(checkpoint, IMAGES, rows, MC, TRAINING, draws)["mc_probs"]


def test_each_mask_is_one_network_with_a_part_of_its_weights(dropping: Checkpoint) -> None:
    (network,) = restore(dropping)
    features = predict(dropping, IMAGES, TEST, frozenset({"embeddings"}), TRAINING)["embeddings"]
    found = drawn(dropping)
    assert found.shape == (len(TEST), 6, 10)
    for t, mask in enumerate(network.head.masks(6, seed=3)):
        assert mask.unique().tolist() == pytest.approx([0, 1 / 0.7])
        logits = F.linear(features * mask, network.head.linear.weight, network.head.linear.bias)
        torch.testing.assert_close(found[:, t], logits.softmax(dim=1), atol=1e-6, rtol=1e-5)


def test_masks_are_shared_by_all_rows_whatever_batch_and_order(
    dropping: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, order = drawn(dropping), np.random.default_rng(0).permutation(len(TEST))
    torch.testing.assert_close(drawn(dropping, TEST[order]), whole[order], atol=1e-6, rtol=1e-5)
    monkeypatch.setattr(scoring.predict, "__defaults__", (37,))
    torch.testing.assert_close(drawn(dropping), whole, atol=1e-6, rtol=1e-5)


def test_more_masks_begin_with_the_same_ones_and_another_seed_has_others(dropping: Checkpoint) -> None:
    assert torch.allclose(drawn(dropping, draws=Draws("dropout", 9, 3))[:, :6], drawn(dropping), atol=1e-6)
    assert not torch.allclose(drawn(dropping, draws=Draws("dropout", 6, 4)), drawn(dropping), atol=1e-3)


def test_masks_drop_their_share_of_the_features(dropping: Checkpoint) -> None:
    masks = restore(dropping)[0].head.masks(400, seed=0)
    assert (masks == 0).float().mean() == pytest.approx(0.3, abs=0.02)
    assert masks.mean() == pytest.approx(1, abs=0.03)


def test_an_ensemble_gives_one_draw_a_network_and_its_first_network_the_rest() -> None:
    single = [trained(20, seed=seed, min_steps=5) for seed in range(3)]
    together = joined(single)
    assert list(together.members) == ["0", "1", "2"]
    assert together.settings == single[0].settings
    needs = frozenset({"probs", "mc_probs", "embeddings", "head"})
    found = predict(together, IMAGES, TEST, needs, TRAINING, Draws("ensemble", 99, 0))
    for member, checkpoint in enumerate(single):
        alone = predict(checkpoint, IMAGES, TEST, frozenset({"probs"}), TRAINING)["probs"]
        assert torch.equal(found["mc_probs"][:, member], alone)
    assert found["mc_probs"].shape[1] == 3
    assert torch.equal(found["probs"], found["mc_probs"][:, 0])
    first = predict(single[0], IMAGES, TEST, frozenset({"embeddings"}), TRAINING)["embeddings"]
    assert torch.equal(found["embeddings"], first)


def test_ten_networks_stay_in_order() -> None:
    made = trained(20, min_steps=1)
    shuffled = replace(made, members={str(i): made.members["0"] for i in (10, 2, 1, 0)})
    for i, member in enumerate((0, 1, 2, 10)):
        shuffled.members[str(member)] = {**made.members["0"], "head.1.bias": np.full(10, i, np.float32)}
    assert [network.head.linear.bias[0].item() for network in restore(shuffled)] == [0, 1, 2, 3]


def test_a_checkpoint_with_other_classes_is_none_of_this_network() -> None:
    made = trained(20, min_steps=1)
    fewer = replace(made, settings={**made.settings, "classes": ["a", "b"]})
    with pytest.raises(StateError, match=r"one of another network: 2 of its arrays do not fit, head\..*\(10"):
        restore(fewer)


def test_images_of_another_shape_are_refused() -> None:
    made, larger = trained(20, min_steps=1), np.repeat(IMAGES, 2, axis=1)
    with pytest.raises(StateError, match=r"with the shape \[8, 8, 1\], but here they are \[16, 8, 1\]: take"):
        predict(made, larger, TEST, frozenset({"probs"}), TRAINING)


@pytest.mark.parametrize("reinit", ["warm", "shrink_perturb"])
@pytest.mark.parametrize("other", [{"shape": [8, 8, 2]}, {"classes": list("abcdefghij")}])
def test_a_training_goes_on_only_where_images_and_classes_are_the_same(
    reinit: str, other: dict[str, object]
) -> None:
    made = trained(20, min_steps=1)
    before = replace(made, settings={**made.settings, **other})
    with pytest.raises(StateError, match=f"trained with the {next(iter(other))} "):
        trained(30, previous=before, reinit=reinit, min_steps=1)


def test_draws_must_be_said(dropping: Checkpoint) -> None:
    with pytest.raises(InputError, match="`mc_probs` needs draws of the weights"):
        predict(dropping, IMAGES, TEST, MC, TRAINING)


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_activations_are_means_over_places_of_every_rectified_layer(name: str) -> None:
    checkpoint = trained(20, min_steps=1)
    model = {**MODEL.model_dump(), "name": name}
    if name == "mlp":
        from queryloop.tasks.classification.networks import train
        from queryloop.tasks.task import Recipe
        from tests.tasks.conftest import CLASSES, LABELS

        recipe = Recipe(MODEL.model_copy(update={"name": "mlp"}), TRAINING, 0)
        checkpoint = train(IMAGES, (np.arange(20), LABELS[:20]), CLASSES, recipe)
    assert checkpoint.settings["model"]["name"] == model["name"]
    found = predict(checkpoint, IMAGES, TEST, frozenset({"activations", "embeddings"}), TRAINING)
    (network,) = restore(checkpoint)
    assert found["activations"].keys() == network.layers.keys()
    slow = (torch.from_numpy(IMAGES[TEST]).permute(0, 3, 1, 2) / 255 - checkpoint.settings["mean"][0]) / (
        checkpoint.settings["std"][0]
    )
    for part_name, part in network.trunk.named_children():
        slow = part(slow)
        if isinstance(part, nn.ReLU):
            places = slow.flatten(2).mean(dim=2) if slow.ndim > 2 else slow
            torch.testing.assert_close(found["activations"][part_name], places, atol=1e-5, rtol=1e-4)
    assert not any(module._forward_hooks for module in network.modules())


def test_broken_draws_are_an_error(dropping: Checkpoint) -> None:
    weights = {name: array.copy() for name, array in dropping.members["0"].items()}
    weights["head.1.bias"][3] = np.nan
    with pytest.raises(NonFiniteRowsError) as error:
        drawn(replace(dropping, members={"0": weights}))
    assert (error.value.count, error.value.first) == (360, 0)
