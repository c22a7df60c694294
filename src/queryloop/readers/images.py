"""What every reader returns: a table of samples and their images, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from queryloop.errors import BrokenFileError, examples

Blocks = Callable[[], Iterator[np.ndarray]]
Shape = tuple[int, int, int]
"""Height, width, channels of one image."""


@dataclass(frozen=True)
class ImageSet:
    """A data set as read.

    samples: sample_id, label (class name) and split ("train" or "test"), one row an image.
    shape: height, width, channels of every image.
    blocks: each call iterates anew over uint8 arrays (n, H, W, C), in the order of `samples`;
    iterating raises BrokenFileError at an image that cannot be decoded.
    """

    samples: pd.DataFrame
    shape: Shape
    blocks: Blocks


@dataclass(frozen=True)
class Part:
    """What one file, or one pair of files, adds to an image set.

    path: where the labels are, named in errors. labels: (n,) class numbers.
    blocks: as in ImageSet, of this part alone.
    """

    path: Path
    split: str
    labels: np.ndarray
    blocks: Blocks


def joined(parts: Sequence[Part], shape: Shape, classes: Sequence[str]) -> ImageSet:
    """All parts as one set, records counted by split. Raises BrokenFileError for a label without class."""
    for part in parts:
        _check_labels(part, classes)
    splits = np.repeat([part.split for part in parts], [len(part.labels) for part in parts])
    numbers = np.concatenate([part.labels for part in parts]).astype(np.int64)
    return ImageSet(
        samples=_table(splits, np.array(classes)[numbers]),
        shape=shape,
        blocks=lambda: chain.from_iterable(part.blocks() for part in parts),
    )


def _table(splits: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame({"label": labels, "split": splits}, dtype="str")
    records = table.groupby("split").cumcount()
    ids = [f"{split}/{record:06d}" for split, record in zip(splits, records, strict=True)]
    table.insert(0, "sample_id", pd.Series(ids, dtype="str"))
    return table


def _check_labels(part: Part, classes: Sequence[str]) -> None:
    if not len(part.labels):
        raise BrokenFileError(f"{part.path}: holds no records.")
    wrong = np.flatnonzero(~np.isin(part.labels, np.arange(len(classes))))
    if len(wrong):
        found = examples([f"record {i} has {part.labels[i]}" for i in wrong])
        raise BrokenFileError(f"{part.path}: labels outside the classes 0..{len(classes) - 1}: {found}.")
