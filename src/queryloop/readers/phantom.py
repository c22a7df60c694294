"""Labelled volumes made from a fixed seed: ellipsoids and tubes in textured noise, for runs without data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff
from scipy.ndimage import gaussian_filter

from queryloop.options import DataOptions
from queryloop.randomness import generator
from queryloop.readers.dataset import Source
from queryloop.readers.prepared import RawScan, volume_set
from queryloop.readers.volumes import FileGrid, VolumeSet

_CASES = 24
_SIZE = (24, 33)  # voxels of a side, the end left out
_SPACINGS = ((1.0, 1.0, 1.0), (1.0, 1.0, 1.5), (0.8, 0.8, 1.2))
_BRIGHTNESS = np.array([0.0, 1.5, 3.0])  # of the classes; the texture upon it deviates by about 0.7


def read(_source: Source, classes: Sequence[str], options: DataOptions) -> VolumeSet:
    """24 cases of different shapes, spacings and orientations; the same ones everywhere."""
    numbers = {f"phantom_{number:03d}": number for number in range(_CASES)}
    grids = {name: _made(number)[0] for name, number in numbers.items()}
    return volume_set(grids, lambda name: _made(numbers[name])[1], classes, ("MRI",), options)


def _made(number: int) -> tuple[FileGrid, RawScan]:
    """Grid and content of one case, first along RAS, then turned as scanners turn theirs."""
    rng = generator(0, number, "phantom")
    shape = rng.integers(*_SIZE, 3)
    spacing = np.array(_SPACINGS[number % len(_SPACINGS)])
    labels = _labels(rng, shape, spacing)
    texture = gaussian_filter(rng.standard_normal(shape), 2) * 8 + rng.standard_normal(shape) * 0.6
    image = (100 + 40 * (_BRIGHTNESS[labels] + texture)).astype(np.float32)
    turn = np.stack([rng.permutation(3), rng.choice([-1, 1], 3)], axis=1)
    affine = np.diag([*spacing, 1.0]) @ inv_ornt_aff(turn, tuple(shape))
    turned, image = apply_orientation(labels, turn), apply_orientation(image, turn)
    return FileGrid(turned.shape, affine), RawScan(image[None], turned)


def _labels(rng: np.random.Generator, shape: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """An ellipsoid and, beside or through it, a bent tube. Returns (x, y, z) uint8."""
    points = (np.indices(tuple(shape)).T + 0.5 - shape / 2) * spacing
    points = points.transpose(2, 1, 0, 3)
    away = (points - rng.uniform(-4, 4, 3)) / rng.uniform(4.5, 8, 3)
    labels = (np.linalg.norm(away, axis=-1) < 1).astype(np.uint8)
    along = rng.permutation(3)
    t, u, v = (points[..., axis] for axis in along)
    bend, phase = rng.uniform(2, 5), rng.uniform(0, 2 * np.pi)
    middle = bend * np.sin(t / 6 + phase)
    labels[np.hypot(u - middle, v - rng.uniform(-5, 5)) < rng.uniform(1.8, 2.8)] = 2
    return labels
