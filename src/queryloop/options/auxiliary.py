"""Parameters of what is trained beside the network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from queryloop.options.strict import Options
from queryloop.values import Count


class LearningLossOptions(Options):
    """The ranking loss of a loss module, where one is trained beside the network."""

    margin: Annotated[float, Field(gt=0)] = 1.0
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Beside the loss of the task. Where the trunk does not learn from it, AdamW makes it as good as 1."""
    detach: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the training in which the trunk learns from it, too: 0.6 as published, 1 is all of it. With 0
    the network is the one of plain training, and the module ranks as well (docs/training.md)."""
    min_gap: Annotated[float, Field(ge=0)] = 0.0
    """Pairs whose losses differ by less do not count."""


class AdversarialOptions(Options):
    """A discriminator on the features, and a network that is to fool it."""

    discriminator: Literal["lsgan", "wasserstein"] = "lsgan"
    weight: Annotated[float, Field(ge=0)] = 1e-3
    """Of fooling the discriminator, beside the loss of the task; with 0, or a frozen trunk, nobody tries."""
    penalty: Annotated[float, Field(ge=0)] | None = None
    """On slopes of the discriminator other than 1; null = as published: 0.02 for lsgan, 2 for wasserstein."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3


class VaalOptions(Options):
    """A variational autoencoder of the images, and a discriminator on its latent that it is to fool."""

    latent: Count = 32
    beta: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the divergence from the prior; 1 is the evidence lower bound."""
    adversary: Annotated[float, Field(ge=0)] = 1.0
    """Weight of fooling the discriminator, beside the bound of an image."""
    learning_rate: Annotated[float, Field(gt=0)] = 5e-4
