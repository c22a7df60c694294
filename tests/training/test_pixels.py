from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from queryloop.training import pixels as module
from queryloop.training.pixels import load, measure

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 6, 5, 3), dtype=np.uint8)
ROWS = np.array([3, 41, 7, 8, 3])


def test_mean_and_std_are_those_of_the_rows() -> None:
    pixels, values = measure(IMAGES, ROWS), IMAGES[ROWS] / 255
    assert pixels.mean == pytest.approx(values.mean(axis=(0, 1, 2)), rel=1e-12)
    assert pixels.std == pytest.approx(values.std(axis=(0, 1, 2)), rel=1e-12)


def test_normalised_rows_have_zero_mean_and_unit_variance() -> None:
    inputs = measure(IMAGES, ROWS).normalise(load(IMAGES, ROWS, "cpu"))
    assert inputs.mean(dim=(0, 2, 3)).numpy() == pytest.approx(0, abs=1e-5)
    assert inputs.std(dim=(0, 2, 3), correction=0).numpy() == pytest.approx(1, abs=1e-5)


def test_a_constant_channel_becomes_zero() -> None:
    images = np.full((4, 5, 5, 1), 9, dtype=np.uint8)
    inputs = measure(images, np.arange(4)).normalise(load(images, np.arange(4), "cpu"))
    assert inputs.abs().max() < 1e-4


def test_a_read_only_memory_map_is_read_in_channels_last(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    inputs = load(images, ROWS, "cpu")
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal((inputs * 255).round().permute(0, 2, 3, 1).numpy(), IMAGES[ROWS])


FEATURES = np.random.default_rng(1).normal(3, 2, (50, 7)).astype(np.float32)


@pytest.mark.parametrize("memory", [1, 100, 1 << 22])
def test_parts_change_no_number(memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MEMORY", memory)
    pixels, values = measure(IMAGES, ROWS), IMAGES[ROWS] / 255
    assert pixels.mean == pytest.approx(values.mean(axis=(0, 1, 2)), rel=1e-12)
    assert pixels.std == pytest.approx(values.std(axis=(0, 1, 2)), rel=1e-12)
    features, values = measure(FEATURES, ROWS), FEATURES[ROWS].astype(np.float64)
    assert features.mean == pytest.approx(values.mean(axis=0), rel=1e-12)
    assert features.std == pytest.approx([(values - values.mean(axis=0)).std()] * 7, rel=1e-12)


@pytest.mark.parametrize("shape", [(60, 512, 512, 3), (60, 400_000)])
def test_memory_does_not_grow_with_the_rows(shape: tuple[int, ...]) -> None:
    """Of 47 or 96 MB, all the same page, no more than some parts are copied at a time."""
    one = np.zeros(shape[1:], np.uint8 if len(shape) == 4 else np.float32)
    tracemalloc.start()
    measure(np.broadcast_to(one, shape), np.arange(shape[0]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 45e6
