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

from queryloop.errors import unknown

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
    ranges = torch.tensor([_ANGLE, _ZOOM, _ZOOM, _SHEAR, 2 * _MOVE, 2 * _MOVE]).unsqueeze(1)
    drawn = (torch.rand(6, len(images), generator=generator) * 2 - 1) * ranges
    angle, zoom_x, zoom_y, shear, right, down = drawn.to(images.device)
    cos, sin = angle.cos(), angle.sin()
    wide = images.shape[3] / images.shape[2]  # the grid has the length 2 along either side
    along_x = torch.stack([cos, sin * wide], dim=1) * (1 + zoom_x).unsqueeze(1)
    along_y = torch.stack([(shear * cos - sin) / wide, shear * sin + cos], dim=1) * (1 + zoom_y).unsqueeze(1)
    grid = _grid(images.shape[2:], along_x, along_y, torch.stack([right, down], dim=1))
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _grid(size: torch.Size, along_x: Tensor, along_y: Tensor, offset: Tensor) -> Tensor:
    """`F.affine_grid` of the matrices with these three columns (N, 2), in half of its time."""
    y, x = ((torch.arange(n, device=offset.device) * 2 + 1) / n - 1 for n in size)
    columns = x.view(1, 1, -1, 1) * along_x[:, None, None]
    rows = y.view(1, -1, 1, 1) * along_y[:, None, None] + offset[:, None, None]
    return columns + rows


def flip_crop(images: Tensor, generator: Generator) -> Tensor:
    """`shift`, and half of the images mirrored left to right."""
    mirrored = torch.rand(len(images), 1, 1, 1, generator=generator).to(images.device) < 0.5
    return shift(torch.where(mirrored, images.flip(3), images), generator)


Augmentation = Callable[[Tensor, Generator], Tensor]

AUGMENTATIONS: dict[str, Augmentation] = {
    "none": none,
    "shift": shift,
    "affine": affine,
    "flip_crop": flip_crop,
}


def augmentation(name: str) -> Augmentation:
    """The one of this name. Raises OptionsError where images have none such."""
    if name not in AUGMENTATIONS:
        raise unknown("augmentation of images", name, AUGMENTATIONS)
    return AUGMENTATIONS[name]
