from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from queryloop.errors import OptionsError
from queryloop.training.augment import AUGMENTATIONS, _grid, augmentation

CHANGING = sorted(set(AUGMENTATIONS) - {"none"})
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (7, 5, 2), (1, 1, 1)]


def _draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images(n: int = 6, shape: tuple[int, int, int] = (28, 28, 1)) -> Tensor:
    pixels = torch.rand(n, *shape, generator=_draws(9))
    return pixels.permute(0, 3, 1, 2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_shape_type_and_range_stay(name: str, shape: tuple[int, int, int]) -> None:
    images = _images(shape=shape)
    before = images.clone()
    changed = AUGMENTATIONS[name](images, _draws())
    assert changed.shape == images.shape
    assert changed.dtype == images.dtype
    assert 0 <= changed.min() <= changed.max() <= 1 + 1e-6
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", CHANGING)
def test_each_image_gets_another_draw(name: str) -> None:
    same = _images(1).expand(20, -1, -1, -1)
    changed = AUGMENTATIONS[name](same, _draws())
    assert len(torch.unique(changed.flatten(1), dim=0)) > 10


@pytest.mark.parametrize("name", CHANGING)
def test_draws_come_from_the_generator_alone(name: str) -> None:
    state = torch.random.get_rng_state()
    first, again, other = (AUGMENTATIONS[name](_images(), _draws(s)) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("name", CHANGING)
def test_a_plain_image_stays_plain(name: str) -> None:
    plain = torch.full((4, 3, 9, 11), 0.7)
    assert torch.allclose(AUGMENTATIONS[name](plain, _draws()), plain, atol=1e-6)


def test_shift_moves_whole_pixels() -> None:
    images = torch.zeros(50, 1, 16, 16)
    images[:, :, 8, 8] = 1
    moved = AUGMENTATIONS["shift"](images, _draws())
    assert torch.equal(moved.sum(dim=(1, 2, 3)), torch.ones(50))
    places = moved.flatten(1).argmax(dim=1)
    assert set((places // 16).tolist()) == set((places % 16).tolist()) == {6, 7, 8, 9, 10}


def test_affine_keeps_the_middle_in_the_middle_on_average() -> None:
    images = torch.zeros(500, 1, 29, 29)
    images[:, :, 13:16, 13:16] = 1
    changed = AUGMENTATIONS["affine"](images, _draws()).mean(dim=(0, 1))
    axis = torch.arange(29.0)
    assert abs(float((changed.sum(1) * axis).sum() / changed.sum()) - 14) < 0.3
    assert abs(float((changed.sum(0) * axis).sum() / changed.sum()) - 14) < 0.3


def test_affine_turns_a_wide_image_by_the_angle_of_a_square_one() -> None:
    square, wide = _axes(64, 64), _axes(32, 128)
    torch.testing.assert_close(wide, square, atol=1e-3, rtol=0)
    assert square[0, :, 1].abs().max() > 0.1


def _axes(height: int, width: int) -> Tensor:
    """Where a step of a pixel along x, and along y, leads in the picture that it comes from: (2, N, 2)."""
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    found = AUGMENTATIONS["affine"](torch.stack([x, y]).expand(40, -1, -1, -1), _draws())
    row, column = height // 2, width // 2
    ends = [found[:, :, row, column + 4], found[:, :, row + 4, column]]
    return torch.stack([(end - found[:, :, row, column]) / 4 for end in ends])


@pytest.mark.parametrize("size", [(5, 7), (28, 28), (1, 1)])
def test_the_grid_is_torchs_own(size: tuple[int, int]) -> None:
    matrix = torch.randn(6, 2, 3, generator=_draws())
    expected = F.affine_grid(matrix, [6, 1, *size], align_corners=False)
    assert torch.allclose(_grid(torch.Size(size), *matrix.unbind(dim=2)), expected, atol=1e-6)


def test_flip_crop_mirrors_about_half() -> None:
    images = torch.zeros(400, 1, 8, 8)
    images[:, :, :, :4] = 1
    flipped = AUGMENTATIONS["flip_crop"](images, _draws())[:, 0, 0, 0] == 0
    assert 150 < int(flipped.sum()) < 250


def test_an_augmentation_of_volumes_is_refused() -> None:
    with pytest.raises(OptionsError, match=r"unknown augmentation of images 'turn'.*affine"):
        augmentation("turn")
