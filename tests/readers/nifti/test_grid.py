"""Orientation and spacing: the way into the grid of the store, and the way back."""

from __future__ import annotations

from itertools import permutations, product
from math import ceil

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter, minimum_filter, zoom

from queryloop.errors import InputError
from queryloop.readers import grid
from queryloop.readers.volumes import FileGrid
from queryloop.voxels import IGNORE

quick = settings(max_examples=50)

TURNS = [
    np.stack([order, signs], axis=1)
    for order in permutations(range(3))
    for signs in product((-1, 1), repeat=3)
]
turns = st.sampled_from(TURNS)
shapes = st.tuples(*[st.integers(1, 9)] * 3)
spacings = st.tuples(*[st.floats(0.4, 4)] * 3)
seeds = st.integers(0, 2**32 - 1)


def native(shape: tuple[int, int, int], spacing: tuple[float, float, float], turn: np.ndarray) -> FileGrid:
    """A grid whose axes run as `turn` says, with voxels of that size along x, y and z of the patient."""
    affine = np.zeros((4, 4))
    for axis, (to, sign) in enumerate(turn):
        affine[to, axis] = sign * spacing[to]
    affine[:, 3] = [-7.0, 3.0, 11.0, 1.0]
    return FileGrid(shape, affine)


def blobs(seed: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Labels 0, 1, 2 and IGNORE in patches of some voxels."""
    values = np.random.default_rng(seed).choice([0, 1, 2, IGNORE], -(-np.array(shape) // 3)).astype(np.uint8)
    return np.kron(values, np.ones((3, 3, 3), np.uint8))[tuple(map(slice, shape))]


def test_there_are_48_orientations() -> None:
    assert len({turn.tobytes() for turn in TURNS}) == 48


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: "".join(map(str, turn.ravel().tolist())))
def test_orientation_agrees_with_nibabel(turn: np.ndarray) -> None:
    voxels = np.random.default_rng(0).standard_normal((3, 4, 5)).astype(np.float32)
    file = native((3, 4, 5), (1.0, 2.0, 3.0), turn)
    canonical = nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels, file.affine))
    case = grid.placed("a", file, canonical.header.get_zooms()[::-1])
    assert not grid.is_resampled(case)
    np.testing.assert_array_equal(grid.image_to_store(voxels, case), canonical.get_fdata().T)
    assert case.spacing == pytest.approx(canonical.header.get_zooms()[::-1])


@quick
@given(shapes, spacings, turns, seeds)
def test_the_way_back_is_exact_without_resampling(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], turn: np.ndarray, seed: int
) -> None:
    file = native(shape, spacing, turn)
    case = grid.placed("a", file, grid.layout(file)[1])
    labels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    stored = grid.labels_to_store(labels, case)
    assert (stored.shape, stored.dtype) == (case.shape, np.uint8)
    np.testing.assert_array_equal(grid.to_native(stored, case), labels)


@quick
@given(shapes, spacings, turns, spacings, seeds)
def test_the_way_back_moves_borders_by_less_than_a_voxel_of_the_coarser_grid(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    turn: np.ndarray,
    target: tuple[float, float, float],
    seed: int,
) -> None:
    file = native(shape, spacing, turn)
    case = grid.placed("a", file, target)
    labels = blobs(seed, shape)
    back = grid.to_native(grid.labels_to_store(labels, case), case)
    assert (back.shape, back.dtype) == (shape, np.uint8)
    coarser = (
        np.array(grid.layout(file)[0][::-1]) / case.shape[::-1]
    )  # voxels of the file in one of the store
    reach = [2 * ceil(max(1.0, coarser[to])) + 1 for to in turn[:, 0]]
    inside = minimum_filter(labels, reach) == maximum_filter(labels, reach)
    np.testing.assert_array_equal(back[inside], labels[inside])


@quick
@given(shapes, spacings, turns, spacings)
def test_the_extent_of_a_case_stays(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    turn: np.ndarray,
    target: tuple[float, float, float],
) -> None:
    case = grid.placed("a", native(shape, spacing, turn), target)
    extent = np.multiply(*grid.layout(case.native))
    np.testing.assert_allclose(np.multiply(case.shape, case.spacing), extent)
    wanted = np.maximum(1, np.divide(extent, target))
    assert np.all(np.abs(np.array(case.shape) - wanted) <= 0.5 + 1e-9)


@quick
@given(shapes, spacings, seeds)
def test_resampling_is_that_of_scipy(
    shape: tuple[int, int, int], target: tuple[float, float, float], seed: int
) -> None:
    image = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    case = grid.placed("a", FileGrid(shape, np.eye(4)), target)
    factors = np.divide(case.shape, shape[::-1])
    expected = zoom(image.T, factors, order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(grid.image_to_store(image, case), expected, atol=1e-5)


@quick
@given(shapes, spacings, seeds)
def test_labels_are_the_likeliest_of_interpolated_shares(
    shape: tuple[int, int, int], target: tuple[float, float, float], seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, 4, shape, dtype=np.uint8)
    case = grid.placed("a", FileGrid(shape, np.eye(4)), target)
    shares = np.stack([grid.image_to_store((labels == c).astype(np.float32), case) for c in range(4)])
    found = np.take_along_axis(shares, grid.labels_to_store(labels, case)[None].astype(int), 0)[0]
    np.testing.assert_allclose(found, shares.max(axis=0), atol=1e-5)


def test_an_oblique_scan_keeps_its_voxels() -> None:
    angle = np.deg2rad(20)
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([-2.0, 1.0, 3.0])
    file = FileGrid((4, 5, 6), affine)
    case = grid.placed("a", file, (3.0, 1.0, 2.0))
    voxels = np.random.default_rng(0).integers(0, 3, (4, 5, 6), dtype=np.uint8)
    np.testing.assert_array_equal(grid.labels_to_store(voxels, case), voxels[::-1].T)
    np.testing.assert_array_equal(grid.to_native(grid.labels_to_store(voxels, case), case), voxels)


def test_median_spacing_is_that_of_the_turned_axes() -> None:
    grids = [
        native((4, 4, 4), (1.0, 2.0, z), turn) for z, turn in zip((3.0, 5.0, 9.0), TURNS[::20], strict=True)
    ]
    assert grid.median_spacing(grids) == pytest.approx((5.0, 2.0, 1.0))


def test_labels_of_another_shape_are_refused() -> None:
    case = grid.placed("a", FileGrid((4, 5, 6), np.eye(4)), (1.0, 1.0, 1.0))
    with pytest.raises(InputError, match=r"case a: shape \(4, 5, 6\).*\(6, 5, 4\)"):
        grid.to_native(np.zeros((4, 5, 6), np.uint8), case)
