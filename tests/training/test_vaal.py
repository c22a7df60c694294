"""The evidence lower bound against torch.distributions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from queryloop.models.vae import Autoencoder
from queryloop.training.vaal import Vaal
from tests.training.planted import problem

INPUTS = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))


class Spied(Autoencoder):
    """Notes the latents that it rebuilds."""

    def decode(self, latents: Tensor) -> Tensor:
        self.latents = latents
        return super().decode(latents)


def made() -> Spied:
    torch.manual_seed(0)
    return Spied((8, 8, 1), 5)


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_the_bound_is_error_and_divergence_of_an_image(beta: float) -> None:
    _, objective = problem(auxiliary="vaal", vaal={"beta": beta})
    assert isinstance(objective, Vaal)
    autoencoder = made()
    found, mean = objective.negative_bound(autoencoder, INPUTS)
    expected, log_variance = autoencoder.encode(INPUTS)
    torch.testing.assert_close(mean, expected)
    posterior = Normal(mean, (log_variance / 2).exp())
    likelihood = Normal(autoencoder.decode(autoencoder.latents), 1.0).log_prob(INPUTS)
    error = -(likelihood + math.log(2 * math.pi) / 2).sum() / 3
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum() / 3
    torch.testing.assert_close(found, error + beta * divergence)


def test_the_latent_is_drawn_about_its_mean() -> None:
    _, objective = problem(auxiliary="vaal")
    assert isinstance(objective, Vaal)
    autoencoder, drawn = made(), []
    for _ in range(200):
        objective.negative_bound(autoencoder, INPUTS)
        drawn.append(autoencoder.latents.detach())
    mean, log_variance = autoencoder.encode(INPUTS)
    steps = (torch.stack(drawn) - mean) / (log_variance / 2).exp()
    assert abs(steps.mean().item()) < 0.06
    assert abs(steps.std().item() - 1) < 0.06


def test_the_adversary_hides_the_pool_in_the_latent() -> None:
    gaps = []
    for adversary in (0.0, 1e4):
        network, objective = problem(auxiliary="vaal", vaal={"adversary": adversary, "learning_rate": 5e-3})
        for _ in range(15):
            objective.beside(network, *next(objective._pairs))
        labelled, pool = next(objective._pairs)
        logits = network.auxiliary.discriminator.logits
        means = [logits(network.auxiliary.autoencoder.encode(part)[0]).mean() for part in (labelled, pool)]
        gaps.append((means[1] - means[0]).item())
    assert gaps[0] > 0.2
    assert gaps[1] < gaps[0] / 2
