"""Reading as the ingest step does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from queryloop.options import DataOptions
from queryloop.readers import registry
from queryloop.readers.images import ImageSet


def read(name: str, raw_root: Path, workers: int = 2, **given: Any) -> ImageSet:
    options = DataOptions(workers=workers, **given)
    dataset = registry.find(name, options)
    found = dataset.read(dataset.source(raw_root), options)
    assert isinstance(found, ImageSet)
    return found


def pixels(images: ImageSet) -> np.ndarray:
    """All images in one array, (N, H, W, C)."""
    return np.concatenate(list(images.blocks()))


def read_all(name: str, raw_root: Path) -> tuple[ImageSet, np.ndarray]:
    images = read(name, raw_root)
    return images, pixels(images)
