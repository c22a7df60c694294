"""Embed: what the networks are given for each sample."""

from __future__ import annotations

import numpy as np
from kedro.pipeline import Node, Pipeline


def embed(images: np.ndarray) -> np.ndarray:
    """The images themselves."""
    return images


def create_pipeline() -> Pipeline:
    """Images to the input of the networks."""
    return Pipeline([Node(embed, ["images"], "inputs", name="embed")])
