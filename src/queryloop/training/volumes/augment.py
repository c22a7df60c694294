"""Random changes of training patches: a whole batch at once, another draw for each patch.

Every function takes images (B, C, z, y, x) fp32, labels (B, z, y, x) uint8, the spacing (z, y, x) of their
voxels and a CPU generator, and returns both, in the same shapes. What moves in from outside is unlabelled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from queryloop.errors import unknown
from queryloop.voxels import IGNORE

Batch = tuple[Tensor, Tensor]
Spacing = Sequence[float]
Augmentation = Callable[[Tensor, Tensor, Spacing, Generator], Batch]

_ANGLE = math.radians(15)
_ZOOM = 0.15
_CONTRAST = 0.25
_BRIGHTNESS = 0.2  # of a standard deviation
_NOISE = 0.15


def none(images: Tensor, labels: Tensor, _spacing: Spacing, _generator: Generator) -> Batch:
    """As they are."""
    return images, labels


def flip(images: Tensor, labels: Tensor, _spacing: Spacing, generator: Generator) -> Batch:
    """Mirror each axis of half of the patches."""
    for axis in (1, 2, 3):
        mirrored = (torch.rand(len(images), generator=generator) < 0.5).to(images.device)
        images = torch.where(mirrored.view(-1, 1, 1, 1, 1), images.flip(axis + 1), images)
        labels = torch.where(mirrored.view(-1, 1, 1, 1), labels.flip(axis), labels)
    return images, labels


def intensity(images: Tensor, labels: Tensor, _spacing: Spacing, generator: Generator) -> Batch:
    """Contrast (25 %), brightness (0.2) and noise (up to 0.15 standard deviations), each uniform."""
    contrast, brightness, noise = torch.rand(3, len(images), 1, 1, 1, 1, generator=generator).to(
        images.device
    )
    changed = images * (1 + _CONTRAST * (2 * contrast - 1)) + _BRIGHTNESS * (2 * brightness - 1)
    grain = torch.randn(images.shape, generator=generator).to(images.device)
    return changed.addcmul_(grain, _NOISE * noise), labels


def turn(images: Tensor, labels: Tensor, spacing: Spacing, generator: Generator) -> Batch:
    """Turn about each axis (15 degrees) and zoom (15 %), uniform, in the units of the spacing."""
    lengths = torch.tensor([n * s for n, s in zip(images.shape[2:], spacing, strict=True)]).flip(0)
    turns = _turns(len(images), generator) * lengths / lengths.unsqueeze(1)
    matrices = torch.cat([turns, torch.zeros(len(images), 3, 1)], dim=2).to(images.device)
    grid = F.affine_grid(matrices, [len(images), 1, *images.shape[2:]], align_corners=False)
    turned = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    # Shifted by 1 so that the zeros from outside can be told from background.
    shifted = labels.unsqueeze(1).to(images.dtype) + 1
    moved = F.grid_sample(shifted, grid, mode="nearest", align_corners=False).squeeze(1)
    return turned, torch.where(moved == 0, IGNORE, moved - 1).to(torch.uint8)


def _turns(n: int, generator: Generator) -> Tensor:
    """Rotations times a zoom, (n, 3, 3)."""
    angles = (torch.rand(3, n, generator=generator) * 2 - 1) * _ANGLE
    zoom = 1 + (torch.rand(n, 1, 1, generator=generator) * 2 - 1) * _ZOOM
    rotation = torch.eye(3).expand(n, 3, 3)
    for (a, b), angle in zip(((0, 1), (0, 2), (1, 2)), angles, strict=True):
        about = torch.eye(3).repeat(n, 1, 1)
        about[:, a, a] = about[:, b, b] = angle.cos()
        about[:, a, b], about[:, b, a] = -angle.sin(), angle.sin()
        rotation = rotation @ about
    return rotation * zoom


def _all(*steps: Augmentation) -> Augmentation:
    def augment(images: Tensor, labels: Tensor, spacing: Spacing, generator: Generator) -> Batch:
        for step in steps:
            images, labels = step(images, labels, spacing, generator)
        return images, labels

    return augment


VOLUME_AUGMENTATIONS: dict[str, Augmentation] = {
    "none": none,
    "flip": flip,
    "turn": _all(turn, intensity),
    "turn_flip": _all(turn, flip, intensity),
}


def augmentation(name: str) -> Augmentation:
    """The one of this name. Raises OptionsError where volumes have none such."""
    if name not in VOLUME_AUGMENTATIONS:
        raise unknown("augmentation of volumes", name, VOLUME_AUGMENTATIONS)
    return VOLUME_AUGMENTATIONS[name]
