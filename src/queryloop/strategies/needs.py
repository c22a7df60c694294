"""The names by which a strategy asks for its evidence, and what each of them is.

Letters of the axes: N pool rows, M labelled rows, V validation rows, R target rows, T draws of the
weights, C classes, D features. One letter is one length, wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Meaning = Literal["id", "number", "probability", "class", "truth", "count", "share", "head"]


@dataclass(frozen=True)
class Need:
    """One kind of evidence: axes, what is told of it, what its numbers mean, whether each layer has one."""

    axes: str
    told: str
    meaning: Meaning = "number"
    layered: bool = False


DRAWN = frozenset({"mc_probs", "target_mc_probs"})
"""What comes of several draws of the weights."""

NEEDS: dict[str, Need] = {
    "ids": Need("N", "names of the samples, unique whole numbers or texts", "id"),
    "probs": Need("NC", "softmax probabilities of the network", "probability"),
    "mc_probs": Need(
        "NTC", "probabilities under T draws of the weights, the same for all rows", "probability"
    ),
    "embeddings": Need("ND", "input of the last linear layer"),
    "activations": Need("ND", "what a layer gives, averaged over places", layered=True),
    "predicted_loss": Need("N", "loss that a module beside the network predicts"),
    "discriminator": Need("N", "logit of a discriminator, higher = looks unlabelled"),
    "head": Need("CD", "weight (C, D) and bias (C,) of the last linear layer", "head"),
    "true_labels": Need("N", "class numbers of the pool; only where they are known", "class"),
    "n_classes": Need("C", "the number of classes, C", "count"),
    "progress": Need("", "share of `query.schedule_cycles` that is done, from 0 to 1", "share"),
    "labeled_embeddings": Need("MD", "embeddings of the labelled samples"),
    "labeled_probs": Need("MC", "probabilities of the labelled samples", "probability"),
    "labeled_activations": Need("MD", "activations of the labelled samples", layered=True),
    "labels": Need("M", "class numbers of the labelled samples", "class"),
    "val_embeddings": Need("VD", "embeddings of validation samples by which training did not stop"),
    "val_correct": Need("V", "whether the network is right about each of them", "truth"),
    "target_mc_probs": Need("RTC", "the same draws for samples to be predicted in the end", "probability"),
}
"""Every need, with its axes."""

NOT_IN_A_CYCLE = frozenset({"true_labels"})
"""Needs that only a caller of `queryloop.select` can fill."""

JUDGED = {"predicted_loss": ("learning_loss",), "discriminator": ("adversarial", "vaal")}
"""Needs that an auxiliary fills, and which ones do."""

Members = Literal["dropout", "ensemble"]
"""What the T draws of `mc_probs` are: dropout masks or trained networks."""
