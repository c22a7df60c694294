"""Embed: what the networks are given for each sample, images or the features of a frozen trunk."""

from __future__ import annotations

import numpy as np
from kedro.pipeline import Node, Pipeline

from queryloop.options import ModelOptions, TrainingOptions
from queryloop.storage.content import ArrayBlocks
from queryloop.storage.samples import Images, Inputs


def extract(images: Images, model: ModelOptions, training: TrainingOptions, seed: int) -> ArrayBlocks:
    """The features of all images, made when they are saved; no columns where the trunk learns."""
    if model.freeze == "none":
        return ArrayBlocks((len(images), 0), lambda: iter([np.empty((len(images), 0))]))
    from queryloop.training.frozen import frozen_trunk

    assert isinstance(images, np.ndarray)
    trunk = frozen_trunk(model, images.shape[1:], seed)
    return ArrayBlocks((len(images), trunk.n_features), lambda: trunk.features(images, training))


def embed(images: Images, features: np.ndarray) -> Inputs:
    """The features, where there are any, else the images themselves."""
    return features if features.shape[1] else images


def create_pipeline() -> Pipeline:
    """Images to the input of the networks; features are computed once for each content and trunk."""
    options = ["params:model", "params:training", "params:seed"]
    return Pipeline(
        [
            Node(extract, ["images", *options], "features", name="extract"),
            Node(embed, ["images", "features"], "inputs", name="embed"),
        ]
    )
