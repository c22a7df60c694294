"""A voxel lies at the same millimetres, whichever grid it is looked at in."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from nibabel.affines import apply_affine

from queryloop.boxes.box import Box
from queryloop.readers.grid import affine, image_to_native, image_to_store, is_resampled, layout, to_native
from queryloop.readers.volumes import Case
from queryloop.storage.volumes import Volumes
from queryloop.tasks.segmentation.space import covering, cut_affine, from_file, in_file, nearest, place

from .made_up import SPACING, TURNS

cases = pytest.mark.parametrize("case_id", TURNS)


def some_boxes(case: Case, seed: int = 0, n: int = 30) -> list[Box]:
    rng = np.random.default_rng(seed)
    sizes = [[int(rng.integers(1, length + 1)) for length in case.shape] for _ in range(n)]
    corners = [
        [int(rng.integers(0, s - d + 1)) for s, d in zip(case.shape, size, strict=True)] for size in sizes
    ]
    return [Box(case.sample_id, tuple(c), tuple(s)) for c, s in zip(corners, sizes, strict=True)]


def patients(case: Case, shown: np.ndarray) -> np.ndarray:
    """Where in the patient something bright in the file's grid lies, (3,) in millimetres."""
    middle = np.array([(shown.astype(float) * axis).sum() for axis in np.indices(shown.shape)]) / shown.sum()
    return apply_affine(case.native.affine, middle)


@cases
def test_corners_of_the_scan_are_the_same_in_both_grids(scans: Volumes, case_id: str) -> None:
    case = scans.cases[case_id]
    ends = np.array(list(product((0, 1), repeat=3)))
    edges = [
        apply_affine(to, ends * shape - 0.5)
        for to, shape in ((affine(case), case.shape[::-1]), (case.native.affine, case.native.shape))
    ]
    found, expected = (points[np.lexsort(points.round(6).T)] for points in edges)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@cases
def test_a_landmark_of_the_store_lands_at_its_millimetres_in_the_file(scans: Volumes, case_id: str) -> None:
    case = scans.cases[case_id]
    middle = np.array(case.shape) // 2
    landmark = np.zeros(case.shape, np.uint8)
    landmark[tuple(slice(m - 2, m + 3) for m in middle)] = 1
    expected = apply_affine(affine(case), middle[::-1])
    tolerance = 0.75 * max(SPACING) if is_resampled(case) else 1e-6
    for back in (to_native(landmark, case), image_to_native(landmark.astype(np.float32), case)):
        assert np.linalg.norm(patients(case, back) - expected) < tolerance


@cases
def test_a_smooth_landmark_of_the_file_lands_at_its_millimetres_in_the_store(
    scans: Volumes, case_id: str
) -> None:
    case = scans.cases[case_id]
    middle = np.array(case.native.shape) / 2
    away = (np.indices(case.native.shape).T - middle) / 2.5
    blob = np.exp(-(away**2).sum(axis=-1)).T.astype(np.float32)
    stored = image_to_store(blob, case)
    weights = np.indices(stored.shape).reshape(3, -1) @ stored.ravel() / stored.sum()
    np.testing.assert_allclose(apply_affine(affine(case), weights[::-1]), patients(case, blob), atol=0.15)


@cases
def test_what_is_cut_out_keeps_its_place(scans: Volumes, case_id: str) -> None:
    case = scans.cases[case_id]
    for box in some_boxes(case):
        first, last = np.array(box.corner[::-1]), np.array(box.stop[::-1]) - 1
        cut = cut_affine(box, case)
        np.testing.assert_allclose(cut[:3, 3], apply_affine(affine(case), first))
        np.testing.assert_allclose(apply_affine(cut, last - first), apply_affine(affine(case), last))
        where = place(box, case)
        np.testing.assert_allclose(where.axes.T @ where.axes, np.eye(3), atol=1e-6)
        corner = where.centre + where.axes @ (where.size / 2)
        np.testing.assert_allclose(corner, apply_affine(affine(case), last + 0.5), atol=1e-6)


@cases
def test_nothing_outside_of_the_covering_region_decides_about_a_box(scans: Volumes, case_id: str) -> None:
    case = scans.cases[case_id]
    noise = np.random.default_rng(0).standard_normal(case.native.shape).astype(np.float32)
    whole = image_to_store(noise, case)
    for box in some_boxes(case, 1):
        region = covering(box, case)
        alone = np.full(case.native.shape, 1e6, np.float32)
        alone[region] = noise[region]
        np.testing.assert_allclose(image_to_store(alone, case)[box.slices], whole[box.slices], atol=1e-3)


@cases
def test_without_resampling_regions_are_exactly_the_box(native: Volumes, case_id: str) -> None:
    case = native.cases[case_id]
    for box in some_boxes(case, 2):
        inside = np.zeros(case.shape, np.uint8)
        inside[box.slices] = 1
        back = to_native(inside, case)
        for region in (covering(box, case), nearest(box, case)):
            assert back[region].all()
            assert back.sum() == back[region].size


@cases
def test_nearest_regions_of_neighbours_share_no_voxel(scans: Volumes, case_id: str) -> None:
    case = scans.cases[case_id]
    times = np.zeros(case.native.shape, int)
    size = (3, 4, 2)
    for corner in product(*(range(0, n, k) for n, k in zip(case.shape, size, strict=True))):
        end = np.minimum(np.add(corner, size), case.shape)
        times[nearest(Box(case_id, corner, tuple(np.subtract(end, corner).tolist())), case)] += 1
    assert times.min() == 1
    is_finer = any(n > m for n, m in zip(case.shape, layout(case.native)[0], strict=True))
    assert is_finer or times.max() == 1


@cases
def test_boxes_come_back_from_the_file_within_a_voxel(scans: Volumes, case_id: str) -> None:
    case = scans.cases[case_id]
    for box in some_boxes(case, 3):
        region = nearest(box, case)
        found = from_file(case, [s.start for s in region], [s.stop - s.start for s in region])
        assert all(0 <= a < b <= n for a, b, n in zip(found.corner, found.stop, case.shape, strict=True))
        if not is_resampled(case):
            assert found == box
        reach = np.divide(SPACING[::-1], case.spacing).max() + 1
        assert np.abs(np.subtract(found.corner, box.corner)).max() <= reach
        assert np.abs(np.subtract(found.stop, box.stop)).max() <= reach


@cases
def test_voxels_of_the_file_show_the_nearest_ones_of_a_box(scans: Volumes, case_id: str) -> None:
    case = scans.cases[case_id]
    to_store = np.linalg.inv(affine(case)) @ case.native.affine
    for box in some_boxes(case):
        grid = np.meshgrid(*(np.arange(side.start, side.stop) for side in covering(box, case)), indexing="ij")
        places = np.moveaxis(apply_affine(to_store, np.stack(grid, axis=-1))[..., ::-1] - box.corner, -1, 0)
        for number, place_, length in zip(np.indices(box.size), places, box.size, strict=True):
            shown = in_file(number.astype(np.uint8), box, case)
            assert np.abs(np.clip(place_, 0, length - 1) - shown).max() < 0.5 + 1e-6
