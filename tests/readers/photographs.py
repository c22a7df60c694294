"""Tiny image files of every kind that Pillow can write, and folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from queryloop.options import DataOptions
from queryloop.readers import registry
from queryloop.readers.images import ImageSet

from .formats import noise


def save(path: Path, pixels: np.ndarray, mode: str | None = None, **how: Any) -> Path:
    """Write pixels, in another mode if asked for, in the format that the name of the file says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **how)
    return path


def write_class_folders(
    root: Path, names: Sequence[str] = ("cat", "dog"), n: int = 3, size: tuple[int, ...] = (5, 4, 3)
) -> None:
    """`n` images PNG in each folder; no two are the same."""
    for c, name in enumerate(names):
        for i in range(n):
            save(root / name / f"{i}.png", noise(*size, seed=100 * c + i))


def write_table(root: Path, text: str | bytes, name: str = "labels.csv") -> Path:
    """A table, and the images a.png to d.png that it may name."""
    for i, letter in enumerate("abcd"):
        save(root / f"{letter}.png", noise(5, 4, 3, seed=i))
    path = root / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read_folder(root: Path, name: str = "image_folder", **options: Any) -> ImageSet:
    data = DataOptions(**options)
    dataset = registry.find(name, data)
    return dataset.read(dataset.source(root), data)


def rows(images: ImageSet) -> list[list[str]]:
    return images.samples[["sample_id", "label", "split"]].to_numpy().tolist()
