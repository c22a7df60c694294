from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from queryloop.options import TrainingOptions
from queryloop.training.batches import Batches, gradient_steps, positions
from queryloop.training.pixels import measure


@given(st.integers(1, 500), st.integers(1, 100), st.integers(1, 30), st.integers(0, 300))
def test_steps_are_a_function_of_the_number_of_labels(n: int, batch: int, epochs: int, least: int) -> None:
    options = TrainingOptions(batch_size=batch, epochs=epochs, min_steps=least)
    assert gradient_steps(n, options) == max(least, epochs * math.ceil(n / batch))


@given(st.integers(1, 150), st.integers(1, 40), st.integers(1, 4), st.integers(0, 7))
def test_every_pass_shows_every_sample_in_equal_batches(n: int, batch: int, passes: int, more: int) -> None:
    per_pass = math.ceil(n / batch)
    steps = passes * per_pass + min(more, per_pass - 1)
    parts = list(positions(n, batch, steps, np.random.default_rng(0)))
    sizes = [len(part) for part in parts]
    assert len(parts) == steps
    assert min(sizes) >= 2
    assert max(sizes) <= max(2, batch)
    assert max(sizes) - min(sizes) <= 1
    for start in range(0, passes * per_pass, per_pass):
        seen = np.concatenate(parts[start : start + per_pass])
        assert np.array_equal(np.unique(seen), np.arange(n))
        assert len(seen) == n or batch == 1 or n == 1 or len(seen) <= 2 * n


def test_passes_differ_in_order() -> None:
    first, second = positions(50, 50, 2, np.random.default_rng(0))
    assert not np.array_equal(first, second)


def _batches(seed: int = 0, n: int = 10, **options: object) -> Batches:
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), dtype=np.uint8)
    rows = np.arange(n) * 2
    training = TrainingOptions.model_validate(
        {"epochs": 3, "min_steps": 0, "batch_size": 4, "augmentation": "shift", **options}
    )
    return Batches(images, rows, rows.copy(), measure(images, rows), training, seed, "cpu")


def test_two_iterations_give_the_same_batches() -> None:
    batches = _batches()
    for (a, x), (b, y) in zip(batches, batches, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(x, y)


def test_another_seed_gives_other_batches() -> None:
    first, other = next(iter(_batches(seed=0))), next(iter(_batches(seed=1)))
    assert not torch.equal(first[1], other[1])


def test_the_order_does_not_depend_on_the_augmentation() -> None:
    pairs = zip(_batches(augmentation="none"), _batches(augmentation="affine"), strict=True)
    assert all(torch.equal(a[1], b[1]) for a, b in pairs)


def test_inputs_belong_to_their_targets() -> None:
    batches = _batches(augmentation="none")
    for inputs, targets in batches:
        raw = torch.from_numpy(batches.images[targets.numpy()]).permute(0, 3, 1, 2).float() / 255
        assert torch.allclose(inputs, batches.pixels.normalise(raw))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_length_is_the_number_of_steps(n: int) -> None:
    batches = _batches(n=n, min_steps=11)
    assert len(list(batches)) == len(batches) == 11
