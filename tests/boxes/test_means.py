"""Box means against a loop over all boxes, and against the FFT that they replace."""

from __future__ import annotations

import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve

from queryloop.boxes.grid import grid_of
from queryloop.boxes.means import Means, box_means
from queryloop.errors import InputError

lengths = st.integers(min_value=1, max_value=9)
triples = st.tuples(lengths, lengths, lengths)


def looped(volume: np.ndarray, size: tuple, stride: tuple) -> np.ndarray:
    grid = grid_of(volume.shape, size, stride)
    means = [volume[grid.box("a", at).slices].mean(dtype=np.float64) for at in np.ndindex(*grid.positions)]
    return np.reshape(means, grid.positions)


@settings(max_examples=60)
@given(triples, triples, triples, st.integers(0, 99))
def test_means_are_those_of_a_loop(shape: tuple, size: tuple, stride: tuple, seed: int) -> None:
    volume = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    np.testing.assert_allclose(box_means(volume, size, stride), looped(volume, size, stride), atol=1e-6)


def test_a_map_from_zero_has_no_mean_below_zero() -> None:
    """An FFT gives about half of the empty boxes a mean just below 0, whose logarithm is NaN."""
    volume = np.zeros((24, 24, 24), dtype=np.float32)
    volume[:3] = np.random.default_rng(0).random((3, 24, 24)) * 1e3
    found = box_means(volume, (4, 4, 4))
    assert (fftconvolve(volume, np.full((4, 4, 4), 1 / 64, dtype=np.float32), mode="valid") < 0).any()
    assert found.min() == 0
    np.testing.assert_allclose(found, looped(volume, (4, 4, 4), (1, 1, 1)), rtol=1e-6, atol=1e-9)


def test_large_and_small_scores_live_side_by_side() -> None:
    volume = np.full((40, 30, 30), 1e-6, dtype=np.float32)
    volume[:5] = 1e3
    np.testing.assert_allclose(box_means(volume, (5, 5, 5))[10:], 1e-6, rtol=1e-4)


@pytest.mark.parametrize("slab", [1, 3, 7, 20])
def test_slabs_change_no_bit(slab: int) -> None:
    volume = np.random.default_rng(0).random((20, 9, 8), dtype=np.float32)
    means = Means(grid_of(volume.shape, (6, 4, 3), (2, 1, 3)), (0.0, None))
    for z in range(0, 20, slab):
        means.add(volume[z : z + slab].copy())
    np.testing.assert_array_equal(means.result(), box_means(volume, (6, 4, 3), (2, 1, 3)))


def test_means_keep_the_bounds_of_their_map() -> None:
    volume = np.full((6, 7, 8), -1 / 3, dtype=np.float64)
    means = Means(grid_of(volume.shape, (2, 3, 3)), (-1 / 3, -1 / 3))
    means.add(volume)
    assert (means.result() == np.float32(-1 / 3)).all()


def test_a_mask_has_shares() -> None:
    mask = np.random.default_rng(0).random((6, 7, 8)) < 0.3
    np.testing.assert_allclose(box_means(mask, (2, 3, 4)), looped(mask, (2, 3, 4), (1, 1, 1)), atol=1e-7)


def test_a_volume_is_not_copied() -> None:
    volume = np.random.default_rng(0).random((96, 64, 64), dtype=np.float32)
    tracemalloc.start()
    try:
        found = box_means(volume, (16, 16, 16), (4, 4, 4))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < found.nbytes + volume.nbytes / 5


def test_a_map_is_not_kept_when_its_means_are_known() -> None:
    volume = np.random.default_rng(0).random((9, 8, 7))
    means, kept = Means(grid_of((9, 8, 7), (3, 3, 3))), weakref.ref(volume)
    means.add(volume)
    del volume
    assert kept() is None
    assert means.result().shape == (7, 6, 5)


def test_planes_that_do_not_fit_are_refused() -> None:
    means = Means(grid_of((4, 5, 6), (2, 2, 2)))
    with pytest.raises(InputError, match=r"shape \(5, 7\)"):
        means.add(np.zeros((2, 5, 7)))
    means.add(np.zeros((3, 5, 6)))
    with pytest.raises(InputError, match="has 3 of the 4 planes"):
        means.result()
    with pytest.raises(InputError, match="planes 3 to 4"):
        means.add(np.zeros((2, 5, 6)))
