"""Small made-up volumes: bright balls in noise."""

from __future__ import annotations

import numpy as np
import torch

from queryloop.models.unet import UNet, unet3d
from queryloop.options import ModelOptions
from queryloop.training.compute import Compute
from queryloop.training.volumes.cases import Annotated, LabelledPart
from queryloop.voxels import IGNORE, Triple

CPU = Compute(device="cpu", precision="32", threads=1)


def scan(shape: Triple = (16, 16, 16), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Image (1, Z, Y, X) and labels: a ball of class 1 and one of class 2, brighter and darker."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    labels = np.zeros(shape, dtype=np.uint8)
    for label, place in ((1, 0.3), (2, 0.7)):
        labels[np.linalg.norm(grid - np.array(shape) * place, axis=-1) < min(shape) / 5] = label
    image = np.array([0.0, 1.5, -1.5])[labels] + rng.normal(0, 0.3, shape)
    return image[None].astype(np.float32), labels


def annotated(corner: Triple = (2, 3, 4), size: Triple = (8, 8, 8), **options: object) -> Annotated:
    """A scan of which one box is labelled."""
    image, labels = scan(**options)
    box = tuple(slice(c, c + n) for c, n in zip(corner, size, strict=True))
    return Annotated(image, [LabelledPart(corner, labels[box])])


def fully(seed: int = 0, shape: Triple = (16, 16, 16)) -> Annotated:
    """A scan with all of its labels."""
    image, labels = scan(shape, seed)
    return Annotated(image, [LabelledPart((0, 0, 0), labels)])


def unlabelled() -> Annotated:
    image, labels = scan()
    return Annotated(image, [LabelledPart((0, 0, 0), np.full_like(labels, IGNORE))])


def network(patch: Triple = (16, 16, 16), classes: int = 3, seed: int = 0, **options: object) -> UNet:
    """A narrow U-Net with fixed weights, in eval mode."""
    chosen = ModelOptions.model_validate({"name": "unet3d", "width": 4, "patch": patch, **options})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return unet3d(1, classes, (1.0, 1.0, 1.0), chosen).eval()
