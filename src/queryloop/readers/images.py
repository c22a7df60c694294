"""What every reader returns: a table of samples and their images, block by block."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from queryloop.errors import BrokenFileError, examples

logger = logging.getLogger(__name__)

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
    samples = _table(splits, np.array(classes)[numbers])
    tell_of_empty(parts[0].path.parent, samples, classes)
    return ImageSet(
        samples=samples,
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
        raise BrokenFileError(f"{part.path}: holds no records: copy or download it anew.")
    wrong = np.flatnonzero(~np.isin(part.labels, np.arange(len(classes))))
    if len(wrong):
        found = examples([f"record {i} has {part.labels[i]}" for i in wrong])
        raise BrokenFileError(
            f"{part.path}: labels outside the classes 0..{len(classes) - 1}: {found}. "
            "Copy or download it anew, or read images of other classes as dataset:image_folder."
        )


def tell_of_empty(said_by: Path, samples: pd.DataFrame, classes: Sequence[str]) -> None:
    """Warn of classes that no training image is of; where some have no label yet, that is not known.

    classes: all that the data set should have, beside those that are somewhere in `samples`.
    """
    train = samples.loc[samples["split"] == "train", "label"]
    every = {*classes, *samples["label"].dropna()}
    if train.notna().all() and (empty := sorted(every - set(train))):
        logger.warning(
            "%s: %d of %d classes have no training image: %s. No network can learn them from these.",
            said_by,
            len(empty),
            len(every),
            examples(empty),
        )
