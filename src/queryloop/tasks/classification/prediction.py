"""What the networks of a checkpoint say of images or features: one pass gives whatever is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from queryloop.errors import InputError, unknown
from queryloop.models.auxiliary import attach
from queryloop.models.network import Network, Seen
from queryloop.models.registry import build
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.training import predict as scoring
from queryloop.training.checkpoint import Checkpoint
from queryloop.training.compute import resolve_scoring
from queryloop.training.pixels import Pixels
from queryloop.training.predict import softmax
from queryloop.training.restore import members, refuse_others


@dataclass(frozen=True)
class Draws:
    """Where the draws of the weights come from.

    members: `dropout`, n masks of the first network's head, drawn from the seed; or `ensemble`, the
    networks, each one draw.
    """

    members: Literal["dropout", "ensemble"]
    n: int
    seed: int


def predict(
    checkpoint: Checkpoint,
    images: np.ndarray,
    rows: np.ndarray,
    needs: frozenset[str],
    training: TrainingOptions,
    draws: Draws | None = None,
) -> dict[str, Any]:
    """What a strategy or the evaluation needs, from one pass over the rows, in their order.

    needs: any of probs (N, K), embeddings (N, D), activations {layer: (N, channels)}, head (weight
    (K, D), bias (K,)), predicted_loss (N,), discriminator (N,), all of the first network; mc_probs
    (N, T, K), one network or one mask t, shared by all rows; n_classes. All fp32, on the CPU. training
    gives device, threads and precision. Raises NonFiniteRowsError, OptionsError for an unknown need,
    InputError for mc_probs without draws, StateError for a checkpoint of other images.
    """
    for need in needs - {*_PER_SAMPLE, *_CONSTANT}:
        raise unknown("need", need, {*_PER_SAMPLE, *_CONSTANT})
    found: dict[str, Any] = {name: _CONSTANT[name](checkpoint) for name in needs & set(_CONSTANT)}
    wanted = {name: _PER_SAMPLE[name] for name in sorted(needs & set(_PER_SAMPLE))}
    if wanted:
        settings = checkpoint.settings
        refuse_others(checkpoint, shape=images.shape[1:])
        pixels, compute = Pixels(settings["mean"], settings["std"]), resolve_scoring(training)
        every = "mc_probs" in needs and draws is not None and draws.members == "ensemble"
        networks = restore(checkpoint)[: None if every else 1]
        reduce = reduction(wanted, _drawing(networks[0], draws) if "mc_probs" in needs else None)
        found |= _nested(scoring.predict(networks, reduce, images, rows, pixels, compute))
    return found


def predicted(
    checkpoint: Checkpoint, images: np.ndarray, rows: np.ndarray, training: TrainingOptions
) -> np.ndarray:
    """The name of the likeliest class of each row, by the first network."""
    probs = predict(checkpoint, images, rows, frozenset({"probs"}), training)["probs"]
    names: np.ndarray = np.asarray(checkpoint.settings["classes"])[probs.argmax(dim=1).numpy()]
    return names


def restore(checkpoint: Checkpoint) -> list[Network]:
    """The networks of a checkpoint in eval mode, on the CPU."""
    settings = checkpoint.settings
    options = ModelOptions.model_validate(settings["model"])
    training = TrainingOptions.model_validate(settings["auxiliary"])

    def blank() -> Network:
        network = build(options, tuple(settings["shape"]), len(settings["classes"]))
        attach(network, tuple(settings["shape"]), training)
        return network

    return members(checkpoint, blank)


@dataclass(frozen=True)
class Look:
    """One batch as the networks see it; `seen` by the first one."""

    networks: Sequence[Network]
    seen: Seen
    draw: Callable[[Look], Tensor] | None


Take = Callable[[Look], Tensor | dict[str, Tensor]]


def probabilities(look: Look) -> Tensor:
    """(N, K) of the first network."""
    return softmax(look.networks[0].head(look.seen.features))


def _drawn(look: Look) -> Tensor:
    assert look.draw is not None
    return softmax(look.draw(look))


def _drawing(network: Network, draws: Draws | None) -> Callable[[Look], Tensor]:
    """Logits (N, T, K) of a look, one draw of the weights for each t."""
    if draws is None:
        raise InputError("`mc_probs` needs draws of the weights; pass draws=Draws(...).")
    if draws.members == "ensemble":
        return _each_network
    masks = network.head.masks(draws.n, draws.seed)
    return lambda look: look.networks[0].head.under(masks.to(look.seen.features.device), look.seen.features)


def _each_network(look: Look) -> Tensor:
    first, *others = look.networks
    inputs, features, _ = look.seen
    return torch.stack([first.head(features), *(other(inputs) for other in others)], dim=1)


def _activations(look: Look) -> dict[str, Tensor]:
    return {f"activations/{name}": look.seen.taps[name] for name in look.networks[0].layers}


def _judged(look: Look) -> Tensor:
    judge = look.networks[0].auxiliary
    assert judge is not None
    judgement: Tensor = judge(look.seen)
    return judgement


_PER_SAMPLE: dict[str, Take] = {
    "probs": probabilities,
    "mc_probs": _drawn,
    "embeddings": lambda look: look.networks[0].head.embedding(look.seen.features),
    "activations": _activations,
    "predicted_loss": _judged,
    "discriminator": _judged,
}
_TAPPED: dict[str, Callable[[Network], dict[str, nn.Module]]] = {
    "activations": lambda network: network.layers,
    "predicted_loss": lambda network: network.stages,
}

_CONSTANT: dict[str, Callable[[Checkpoint], Any]] = {
    "n_classes": lambda checkpoint: len(checkpoint.settings["classes"]),
    "head": lambda checkpoint: tuple(map(torch.detach, restore(checkpoint)[0].head.linear.parameters())),
}


def reduction(
    wanted: dict[str, Take], draw: Callable[[Look], Tensor] | None = None
) -> scoring.Reduction[Network]:
    """From networks and a batch of input to all that is wanted of it; the trunk runs once."""

    def reduce(networks: Sequence[Network], inputs: Tensor) -> dict[str, Tensor]:
        first = networks[0]
        layers: dict[str, nn.Module] = {}
        for need in _TAPPED.keys() & wanted:
            layers |= _TAPPED[need](first)
        look = Look(networks, first.see(inputs, layers), draw)
        found: dict[str, Tensor] = {}
        for name, take in wanted.items():
            taken = take(look)
            found |= taken if isinstance(taken, dict) else {name: taken}
        return found

    return reduce


def _nested(flat: dict[str, Tensor]) -> dict[str, Any]:
    """`activations/layer` as an entry of `activations`."""
    found: dict[str, Any] = {}
    for name, values in flat.items():
        need, _, layer = name.partition("/")
        if layer:
            found.setdefault(need, {})[layer] = values
        else:
            found[need] = values
    return found
