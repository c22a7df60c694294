"""How networks look at samples: for strategies, and on the test set."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from queryloop.options.strict import Options
from queryloop.values import Count, Lengths


class ScoringOptions(Options):
    """What strategies see that look at more than one draw of the weights, or at more than the pool."""

    members: Literal["auto", "dropout", "ensemble", "tta"] = "auto"
    """What is compared, or averaged: dropout masks of one network, networks, or, of 3D scans, what one
    network says of the scan in all 8 mirrored views. auto: what the strategy declares. For images, one that
    compares nothing gets one network, whatever stands here."""
    mc_samples: Annotated[int, Field(ge=2)] = 20
    """Dropout masks."""
    ensemble_size: Annotated[int, Field(ge=2)] = 5
    """Networks of an ensemble; the first one is evaluated and gives `probs`."""
    targets: Count = 500
    """Pool samples that stand for what is to be predicted, drawn anew each cycle."""
    tile: Lengths | None = None
    """Voxels of a 3D scan that a network sees at once; null: as many as in training. Of much larger tiles
    the norms are not those of the training: worse, and seldom faster."""
    tile_step: Annotated[float, Field(gt=0, le=1)] = 0.5
    """From tile to tile, as a share of its side."""
    mirrors: bool = False
    """Each network says of a 3D scan the mean of what it says of its 8 mirrored views: better, and eight
    times as slow."""


class EvaluationOptions(Options):
    """What is measured on the test set."""

    predictor: Literal["single", "ensemble"] = "single"
    """Of 3D scans: the first network, or the mean of all that were trained."""
