"""Random changes of the training images: a whole batch at once, another draw for each image.

Every function takes images (N, C, H, W) and a CPU generator, and returns the same shape and type.
What moves in from outside repeats the border. Draws do not depend on the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

_REACH = 8  # shifts go up to an eighth of the side
_ANGLE = math.radians(12)
_ZOOM = 0.12
_SHEAR = 0.15
_MOVE = 0.12  # of the side


def none(images: Tensor, _generator: Generator) -> Tensor:
    """The images as they are."""
    return images


def shift(images: Tensor, generator: Generator) -> Tensor:
    """Move each image by whole pixels, up to an eighth of its side (at least one)."""
    n, _, height, width = images.shape
    reach = max(1, min(height, width) // _REACH)
    windows = F.pad(images, (reach,) * 4, mode="replicate").unfold(2, height, 1).unfold(3, width, 1)
    down, right = torch.randint(0, 2 * reach + 1, (2, n), generator=generator)
    return windows[torch.arange(n), :, down, right].contiguous(memory_format=torch.channels_last)


def affine(images: Tensor, generator: Generator) -> Tensor:
    """Turn (12 degrees), zoom (12 %), shear (0.15) and move (12 % of the side), each uniform about 0."""
    n = len(images)
    angle, zoom_y, zoom_x, shear, down, right = (
        torch.rand(6, n, generator=generator) * 2 - 1
    ) * torch.tensor([_ANGLE, _ZOOM, _ZOOM, _SHEAR, 2 * _MOVE, 2 * _MOVE]).unsqueeze(1)
    cos, sin = angle.cos(), angle.sin()
    zoom_y, zoom_x = 1 + zoom_y, 1 + zoom_x
    rows = [
        cos * zoom_x,
        (shear * cos - sin) * zoom_y,
        right,
        sin * zoom_x,
        (shear * sin + cos) * zoom_y,
        down,
    ]
    matrix = torch.stack(rows, dim=1).view(n, 2, 3).to(images.device)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def flip_crop(images: Tensor, generator: Generator) -> Tensor:
    """`shift`, and half of the images mirrored left to right."""
    mirrored = torch.rand(len(images), 1, 1, 1, generator=generator).to(images.device) < 0.5
    return shift(torch.where(mirrored, images.flip(3), images), generator)


AUGMENTATIONS: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "none": none,
    "shift": shift,
    "affine": affine,
    "flip_crop": flip_crop,
}
