from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest
import torch
from monai.metrics import compute_average_surface_distance
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree
from sklearn.metrics import f1_score

from queryloop.errors import InputError
from queryloop.tasks.segmentation.metrics import Case, measured, summary, surface_distance
from queryloop.voxels import IGNORE

SPACING = (3.0, 1.0, 0.5)


def maps(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two maps of boxes that overlap in part; class 3 is only in the first, class 4 in neither."""
    predicted, truth = np.zeros((2, 12, 14, 16), dtype=np.uint8)
    predicted[2:8, 3:9, 4:12], truth[3:9, 2:9, 4:13] = 1, 1
    predicted[9:11, 1:5, 1:6], truth[9:11, 2:5, 1:7] = 2, 2
    predicted[0, 0, 0] = 3
    return predicted, truth


def surface(mask: np.ndarray) -> np.ndarray:
    """Points of the voxels at the border."""
    return np.argwhere(mask & ~binary_erosion(mask)) * SPACING


def test_dice_is_the_f1_of_each_class() -> None:
    predicted, truth = maps()
    found = measured(predicted, truth, 5, SPACING).dice
    expected = f1_score(truth.ravel(), predicted.ravel(), labels=[1, 2, 3], average=None)
    np.testing.assert_allclose(found[:3], expected)
    assert found[2] == 0
    assert np.isnan(found[3])


def test_surface_distance_is_the_mean_to_the_nearest_point_both_ways() -> None:
    predicted, truth = maps()
    found = measured(predicted, truth, 5, SPACING).surface_distance
    for label in (1, 2):
        one, other = surface(predicted == label), surface(truth == label)
        both = np.concatenate([cKDTree(other).query(one)[0], cKDTree(one).query(other)[0]])
        assert found[label - 1] == pytest.approx(both.mean(), rel=1e-5)
    assert np.isnan(found[2:]).all()


def test_equal_maps_are_perfect() -> None:
    _, truth = maps()
    found = measured(truth, truth, 3, SPACING)
    np.testing.assert_array_equal(found, [[1, 1], [0, 0]])


def test_voxels_without_truth_do_not_count() -> None:
    predicted, truth = maps()
    hidden = truth.copy()
    hidden[:, :, 8:] = IGNORE
    expected = measured(predicted[:, :, :8], truth[:, :, :8], 5, SPACING).dice
    np.testing.assert_allclose(measured(predicted, hidden, 5, SPACING).dice, expected)


def test_a_case_with_voxels_without_truth_has_no_surface_distance() -> None:
    """Where nobody labelled a structure would seem to end, at the same place in both maps."""
    predicted, truth = maps()
    truth[0, 5, 5] = IGNORE
    assert np.isnan(measured(predicted, truth, 5, SPACING).surface_distance).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_part_around_a_class_has_the_distance_of_the_whole_scan(seed: int) -> None:
    """Classes that are scattered, reach the edge of the scan, or are in one of the maps alone."""
    rng = np.random.default_rng(seed)
    predicted, truth = (rng.choice(5, (9, 8, 7), p=[0.6, 0.2, 0.1, 0.06, 0.04]) for _ in range(2))
    predicted[:, :4][predicted[:, :4] == 2] = 0
    truth[truth == 4] = 0
    whole = [
        torch.from_numpy(np.stack([labels == c for c in range(5)]))[None] for labels in (predicted, truth)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = compute_average_surface_distance(*whole, symmetric=True, spacing=list(SPACING))[0].numpy()
    found = measured(predicted.astype(np.uint8), truth.astype(np.uint8), 5, SPACING).surface_distance
    np.testing.assert_array_equal(found, np.where(np.isfinite(expected), expected, np.nan))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_scan_of_one_slice_has_the_distance_in_its_plane(axis: int) -> None:
    """A square of 5 x 5 moved by one voxel of 2 mm: 10 of its 16 edge voxels lie on the other's edge."""
    truth = np.zeros((9, 9), np.uint8)
    truth[2:7, 2:7] = 1
    predicted, spacing = np.roll(truth, 1, axis=0), [2.0] * 3
    spacing[axis] = 5.0
    found = measured(np.expand_dims(predicted, axis), np.expand_dims(truth, axis), 2, spacing)
    expected = surface_distance(predicted, truth, 2, [2.0, 2.0])
    np.testing.assert_array_equal(found.surface_distance, expected)
    assert found.surface_distance[0] == pytest.approx(1.0)


def test_a_scan_with_many_classes_is_not_copied_for_each() -> None:
    truth = np.zeros((200, 120, 120), np.uint8)  # so large that what other threads allocate does not count
    truth[2:182:12] = np.arange(1, 16, dtype=np.uint8)[:, None, None]
    predicted = np.roll(truth, 1, axis=0)
    measured(predicted[:20], truth[:20], 16, SPACING)  # what is imported is not counted
    tracemalloc.start()
    try:
        measured(predicted, truth, 16, SPACING)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * truth.nbytes


def test_maps_of_different_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(2, 2, 2\), but the true ones \(2, 2, 3\)"):
        measured(np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 3), np.uint8), 2, SPACING)


def test_the_mean_is_that_of_the_classes_and_leaves_out_what_is_not_there() -> None:
    cases = [
        Case(np.array([0.8, np.nan]), np.array([1.0, np.nan])),
        Case(np.array([0.6, 0.4]), np.array([np.nan, np.nan])),
    ]
    found = summary(cases, ["nothing", "kidney", "tumour"])
    assert found["dice_kidney"] == pytest.approx(0.7)
    assert found["dice_tumour"] == pytest.approx(0.4)
    assert found["dice"] == pytest.approx(0.55)
    assert found["surface_distance"] == found["surface_distance_kidney"] == 1.0
    assert np.isnan(found["surface_distance_tumour"])
