"""Scans along the axes of their files."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch

from queryloop.readers.grid import image_to_store, placed
from queryloop.readers.volumes import FileGrid
from queryloop.tasks.segmentation.turned import turn_of

ORIENTATIONS = list(product(permutations(range(3)), product((-1, 1), repeat=3)))


@pytest.mark.parametrize(("axes", "signs"), ORIENTATIONS)
def test_every_orientation_is_that_of_the_file_and_comes_back(
    axes: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.diag([0.5, 1.0, 2.0])[:, list(axes)] * signs
    image = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    native = FileGrid(image.shape, affine)
    case = placed("a", native, (2.0, 1.0, 0.5))
    stored, turn = image_to_store(image, case), turn_of(native)
    found = turn.there(stored[None])
    np.testing.assert_array_equal(found[0], image.T)  # slowest axis first, as nnU-Net reads it
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[::-1]
    np.testing.assert_allclose(turn.order_of(case.spacing), spacing)
    back = turn.back(torch.from_numpy(np.stack([found[0], 2 * found[0]])))
    np.testing.assert_array_equal(back, np.stack([stored, 2 * stored]))
