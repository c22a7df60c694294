"""The names by which a strategy asks for its evidence, and what each of them is.

Letters of the axes: N pool rows, M labelled rows, V validation rows, R target rows, T draws of the
weights, C classes, D features. One letter is one length, wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Meaning = Literal["id", "number", "probability", "class", "truth", "count", "head"]


@dataclass(frozen=True)
class Need:
    """One kind of evidence: its axes, what its numbers mean, whether there is one array a layer."""

    axes: str
    meaning: Meaning = "number"
    layered: bool = False


NEEDS: dict[str, Need] = {
    "ids": Need("N", "id"),
    "probs": Need("NC", "probability"),
    "mc_probs": Need("NTC", "probability"),
    "embeddings": Need("ND"),
    "activations": Need("ND", layered=True),
    "predicted_loss": Need("N"),
    "discriminator": Need("N"),
    "head": Need("CD", "head"),
    "n_classes": Need("C", "count"),
    "labeled_embeddings": Need("MD"),
    "labeled_probs": Need("MC", "probability"),
    "labeled_activations": Need("MD", layered=True),
    "labels": Need("M", "class"),
    "val_embeddings": Need("VD"),
    "val_correct": Need("V", "truth"),
    "target_mc_probs": Need("RTC", "probability"),
}
"""Every need, with its axes."""

Members = Literal["dropout", "ensemble", "tta"]
"""What the T draws of `mc_probs` are: dropout masks, trained networks, or augmentations."""
