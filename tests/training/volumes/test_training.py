from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from queryloop.errors import InputError, OptionsError
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.training.volumes.batches import VolumeBatches
from queryloop.training.volumes.training import Trained, train
from queryloop.voxels import IGNORE
from tests.training.volumes.scans import annotated, fully, network, scan, unlabelled

PATCH = (16, 16, 16)
MODEL = ModelOptions(name="unet3d", width=4, patch=PATCH)


def options(**given: Any) -> TrainingOptions:
    return TrainingOptions.model_validate(
        {"epochs": 1, "min_steps": 2, "batch_size": 2, "threads": 1, "augmentation": "turn_flip", **given}
    )


def trained(seed: int = 0, **given: Any) -> Trained:
    return train([annotated()], 3, (1, 1, 1), MODEL, options(**given), seed)


def test_a_tiny_network_learns_a_volume_by_heart() -> None:
    plain = options(min_steps=100, batch_size=1, augmentation="none", learning_rate=0.02, precision="32")
    found = train([fully()], 3, (1, 1, 1), MODEL, plain, 0)
    net = network()
    net.load_state_dict({name: torch.tensor(value) for name, value in found.weights.items()})
    image, labels = scan()
    assert (net(torch.from_numpy(image)[None]).argmax(dim=1)[0].numpy() == labels).mean() > 0.98
    assert found.log["gradient_steps"] == 100
    assert found.log["dice_loss"] < 0.7
    assert set(found.log) >= {"cross_entropy", "learning_rate", "precision"}


def test_two_trainings_give_the_same_bits_and_another_seed_does_not() -> None:
    first, second, other = trained(), trained(), trained(seed=1)
    assert all(np.array_equal(value, second.weights[name]) for name, value in first.weights.items())
    assert not np.array_equal(first.weights["heads.0.1.weight"], other.weights["heads.0.1.weight"])


@pytest.mark.slow
def test_a_rate_can_be_found() -> None:
    assert trained(min_steps=30, learning_rate="auto", batch_size=1).log["learning_rate"] > 0


def test_batches_are_as_many_as_steps_the_same_each_time_and_hold_labels() -> None:
    batches = VolumeBatches(
        [annotated(), annotated(seed=1)], (8, 8, 8), (1, 1, 1), options(min_steps=5), 0, "cpu"
    )
    first, second = list(batches), list(batches)
    assert len(first) == len(batches) == 5
    for (images, labels), again in zip(first, second, strict=True):
        assert images.shape == (2, 1, 8, 8, 8)
        assert labels.shape == (2, 8, 8, 8)
        assert (labels != IGNORE).any()
        assert torch.equal(images, again[0])
        assert torch.equal(labels, again[1])


def test_more_boxes_make_more_steps() -> None:
    few, many = ([annotated(seed=s) for s in range(n)] for n in (3, 9))
    steps = [
        len(VolumeBatches(c, PATCH, (1, 1, 1), options(epochs=4, min_steps=0), 0, "cpu")) for c in (few, many)
    ]
    assert steps == [8, 20]


def test_a_warm_start_goes_on_from_the_previous_weights() -> None:
    before = trained().weights
    still: Any = {"learning_rate": 1e-9, "weight_decay": 0.0, "reinit": "warm"}
    after = train([annotated()], 3, (1, 1, 1), MODEL, options(**still), 0, before).weights
    assert all(np.allclose(value, before[name], atol=1e-6) for name, value in after.items())
    cold = train([annotated()], 3, (1, 1, 1), MODEL, options(**still | {"reinit": "cold"}), 0, before)
    assert not np.allclose(cold.weights["encoder.0.conv1.conv.weight"], before["encoder.0.conv1.conv.weight"])


def test_nothing_labelled_and_a_model_for_images_are_refused() -> None:
    with pytest.raises(InputError, match="labelled voxel"):
        train([unlabelled()], 3, (1, 1, 1), MODEL, options(), 0)
    with pytest.raises(OptionsError, match=r"unknown model for volumes 'cnn'.*unet3d"):
        train([annotated()], 3, (1, 1, 1), ModelOptions(name="cnn"), options(), 0)
    with pytest.raises(OptionsError, match=r"unknown augmentation of volumes 'shift'.*turn"):
        trained(augmentation="shift")
    with pytest.raises(OptionsError, match=r"model\.stem has no effect on unet3d: only resnet18"):
        train([annotated()], 3, (1, 1, 1), ModelOptions(name="unet3d", stem="small"), options(), 0)
