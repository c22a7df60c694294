from __future__ import annotations

import pytest
import torch

from queryloop.errors import OptionsError
from queryloop.models.auxiliary import AUXILIARIES, attach
from queryloop.models.registry import build
from queryloop.models.vae import Autoencoder, LatentDiscriminator
from queryloop.options import ModelOptions, TrainingOptions

SHAPES = [(8, 8, 1), (9, 14, 11), (64, 64, 3), (1, 1, 1)]


@pytest.mark.parametrize("name", AUXILIARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_auxiliary_gives_a_number_a_sample(name: str, shape: tuple[int, ...]) -> None:
    network = build(ModelOptions(name="cnn", width=4), shape, 3)
    attach(network, shape, TrainingOptions(auxiliary=name))
    network.eval()
    inputs = torch.randn(5, shape[2], *shape[:2])
    with torch.no_grad():
        found = network.auxiliary(network.see(inputs, network.stages))
        alone = network.auxiliary(network.see(inputs[:1], network.stages))
    assert found.shape == (5,)
    torch.testing.assert_close(found[:1], alone)


def test_without_a_name_there_is_none() -> None:
    network = build(ModelOptions(), (8, 8, 1), 3)
    attach(network, (8, 8, 1), TrainingOptions())
    assert network.auxiliary is None


@pytest.mark.parametrize("shape", SHAPES)
def test_an_autoencoder_gives_back_images_of_any_size(shape: tuple[int, ...]) -> None:
    inputs = torch.randn(2, shape[2], *shape[:2])
    autoencoder = Autoencoder(shape, 7)
    mean, log_variance = autoencoder.encode(inputs)
    assert mean.shape == log_variance.shape == (2, 7)
    assert autoencoder.decode(mean).shape == inputs.shape


def test_an_autoencoder_of_vectors_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"vectors of 512 features: take training\.auxiliary:adversarial"):
        LatentDiscriminator((512,), 32)
