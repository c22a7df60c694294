from __future__ import annotations

import pytest
import torch
from scipy.ndimage import affine_transform

from queryloop.training.volumes import augment
from queryloop.training.volumes.augment import VOLUME_AUGMENTATIONS
from queryloop.voxels import IGNORE
from tests.training.volumes.scans import scan

SPACING = (1.0, 1.0, 1.0)


def batch(n: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    image, labels = scan()
    return torch.from_numpy(image).repeat(n, 1, 1, 1, 1), torch.from_numpy(labels).repeat(n, 1, 1, 1)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", VOLUME_AUGMENTATIONS)
def test_shapes_types_and_input_stay_and_draws_repeat(name: str) -> None:
    images, labels = batch()
    copies = images.clone(), labels.clone()
    first, second = (VOLUME_AUGMENTATIONS[name](images, labels, SPACING, draws()) for _ in range(2))
    for before, copy, one, other in zip((images, labels), copies, first, second, strict=True):
        assert (one.shape, one.dtype) == (before.shape, before.dtype)
        assert torch.equal(before, copy)
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", sorted(set(VOLUME_AUGMENTATIONS) - {"none"}))
def test_every_patch_is_changed_in_its_own_way(name: str) -> None:
    images, _ = VOLUME_AUGMENTATIONS[name](*batch(16), SPACING, draws())
    assert len({image.numpy().tobytes() for image in images}) >= 6


@pytest.mark.parametrize("name", ["flip", "turn"])
def test_labels_go_where_their_voxels_go(name: str) -> None:
    _, labels = batch()
    change = {"flip": augment.flip, "turn": augment.turn}[name]
    images, moved = change(labels.unsqueeze(1).float(), labels, SPACING, draws())
    seen = moved != IGNORE
    assert seen.float().mean() > 0.6
    assert ((images[:, 0] - moved).abs()[seen] < 0.5).float().mean() > 0.95


def test_a_turn_is_the_same_in_scipy() -> None:
    images, labels = batch(3)
    turned, _ = augment.turn(images, labels, SPACING, draws())
    matrices = augment._turns(3, draws()).flip(1, 2).numpy()
    for image, found, matrix in zip(images.numpy(), turned.numpy(), matrices, strict=True):
        offset = 7.5 - matrix.sum(axis=1) * 7.5
        expected = affine_transform(image[0], matrix, offset, order=1, mode="nearest")
        torch.testing.assert_close(torch.from_numpy(found[0]), torch.from_numpy(expected), atol=1e-4, rtol=0)


def test_thick_slices_hardly_move_out_of_their_plane() -> None:
    labels = torch.arange(5, dtype=torch.uint8).view(1, 5, 1, 1).repeat(20, 1, 20, 20)
    images = torch.zeros(20, 1, 5, 20, 20)
    share = [
        float((augment.turn(images, labels, (s, 1.0, 1.0), draws())[1] == labels).float().mean())
        for s in (1.0, 10.0)
    ]
    assert share[1] > share[0]


def test_intensities_change_and_labels_do_not() -> None:
    images, labels = batch()
    changed, same = augment.intensity(images, labels, SPACING, draws())
    assert same is labels
    assert 0.05 < float((changed - images).std()) < 0.5
