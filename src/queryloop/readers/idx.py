"""IDX, the format of MNIST: a magic number, the dimensions, then one byte a value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from queryloop.errors import BrokenFileError
from queryloop.options import DataOptions
from queryloop.readers.content import contents
from queryloop.readers.dataset import Source, named
from queryloop.readers.images import ImageSet, Part, joined

IMAGES = b"\x00\x00\x08\x03"
"""Magic number of unsigned bytes in three dimensions."""
LABELS = b"\x00\x00\x08\x01"
"""Magic number of unsigned bytes in one dimension."""

search = named(
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
    suffixes=("", ".gz"),
)


def read(source: Source, classes: Sequence[str], _options: DataOptions) -> ImageSet:
    """The images and labels of a source. Raises BrokenFileError."""
    train_images, train_labels, test_images, test_labels = source.files
    train, test = array(train_images, IMAGES), array(test_images, IMAGES)
    if train.shape[1:] != test.shape[1:]:
        sizes = (
            f"images are {_times(test.shape[1:])}, but those of {train_images} are {_times(train.shape[1:])}"
        )
        raise BrokenFileError(f"{test_images}: {sizes}.")
    parts = [
        _part("train", train_images, train, train_labels),
        _part("test", test_images, test, test_labels),
    ]
    _, height, width = train.shape
    return joined(parts, (height, width, 1), classes)


def array(path: Path, magic: bytes) -> np.ndarray:
    """The uint8 array of one file, plain or gzip, of the dimensions it declares.

    Raises BrokenFileError for another magic number and for fewer or more bytes than declared.
    """
    raw = contents(path)
    if not magic.startswith(raw[:4]):
        raise BrokenFileError(f"{path}: magic number is 0x{raw[:4].hex()}, expected 0x{magic.hex()}.")
    start = 4 + 4 * magic[3]
    if len(raw) < start:
        raise BrokenFileError(f"{path}: truncated, expected {start} bytes of header, found {len(raw)}.")
    dimensions = np.frombuffer(raw, ">u4", magic[3], offset=4).tolist()
    _check_size(path, dimensions, start + math.prod(dimensions), len(raw))
    return np.frombuffer(raw, np.uint8, offset=start).reshape(dimensions)


def _check_size(path: Path, dimensions: Sequence[int], expected: int, found: int) -> None:
    declared = _times(dimensions)
    if not all(dimensions):
        raise BrokenFileError(f"{path}: holds no records (dimensions {declared}).")
    if found != expected:
        problem = "truncated" if found < expected else f"{found - expected} trailing bytes"
        raise BrokenFileError(
            f"{path}: {problem}, expected {expected} bytes for dimensions {declared}, found {found}."
        )


def _part(split: str, image_path: Path, images: np.ndarray, label_path: Path) -> Part:
    labels = array(label_path, LABELS)
    if len(images) != len(labels):
        raise BrokenFileError(f"{image_path} holds {len(images)} images, {label_path} {len(labels)} labels.")
    return Part(label_path, split, labels, partial(iter, (images[..., None],)))


def _times(dimensions: Sequence[int]) -> str:
    return "x".join(str(n) for n in dimensions)
