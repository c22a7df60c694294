"""Image files of any size, named by a table of samples, to an image set of one shape."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from pathlib import Path

import numpy as np
import pandas as pd

from queryloop.errors import BrokenFileError, OptionsError
from queryloop.options import DataOptions
from queryloop.progress import ProgressBar
from queryloop.readers.images import ImageSet, Shape
from queryloop.readers.labels import refuse_emptied
from queryloop.readers.pictures import is_coloured, levels_left, pixels
from queryloop.readers.threads import in_threads
from queryloop.readers.unreadable import Tried, stacked, told, tried

logger = logging.getLogger(__name__)

_BLOCK = 4096  # images in memory at a time,
_MEMORY = 1 << 26  # or fewer, if they take more bytes than this
_HEADERS = 64  # files at a time that are asked whether they are in colour
_DARK = 1 << 13  # where no 16-bit value reaches an eighth of 65536, it is seldom meant so


def image_set(root: Path, samples: pd.DataFrame, options: DataOptions) -> ImageSet:
    """The samples, whose ids are paths relative to `root`, with their images.

    With on_error "skip" each image is decoded twice, at first to leave out what cannot be. Raises
    BrokenFileError where no image, or with "skip" none of a class, can be read; iterating over the blocks
    raises it, naming all that cannot be read, and OptionsError for mixed sizes without image_size.
    """
    if options.on_error == "skip":
        samples = _readable(root, samples, options)
    names = samples["sample_id"].tolist()
    channels = _channels(root, names, options.workers) if options.channels == "auto" else options.channels
    first, shape = _first(root, names, options.image_size, channels)
    return ImageSet(samples, shape, partial(_blocks, root, names, first, shape, options))


def _readable(root: Path, samples: pd.DataFrame, options: DataOptions) -> pd.DataFrame:
    """The samples without those whose images cannot be read, which are named in a warning."""
    names = samples["sample_id"].tolist()
    faults: list[BrokenFileError | None] = []
    with ProgressBar("checking images", len(names)) as bar:
        for block in in_threads(partial(_fault, root, options.image_size), names, options.workers, _BLOCK):
            faults += block
            bar.advance(len(block))
    if broken := [fault for fault in faults if fault]:
        logger.warning("%s They are left out, as data.on_error is skip.", told(broken, len(names)))
    readable = samples[[fault is None for fault in faults]].reset_index(drop=True)
    refuse_emptied(root, samples, readable)
    return readable


def _fault(root: Path, side: int | None, name: str) -> BrokenFileError | None:
    image = tried(pixels, root / name, side, 3)
    return image if isinstance(image, BrokenFileError) else None


def _channels(root: Path, names: Sequence[str], workers: int) -> int:
    """3 as soon as one header promises colour: in a set of photographs that is among the first."""

    def promises(name: str) -> bool:
        try:
            return is_coloured(root / name)
        except BrokenFileError:
            return False  # told where it is decoded

    with ProgressBar("looking for colour", len(names)) as bar:
        for block in in_threads(promises, names, workers, _HEADERS):
            if any(block):
                return 3
            bar.advance(len(block))
    return 1


def _first(root: Path, names: Sequence[str], side: int | None, channels: int) -> tuple[str, Shape]:
    """The first image that can be read, and its shape."""
    broken: list[BrokenFileError] = []
    for name in names:
        image = tried(pixels, root / name, side, channels)
        if not isinstance(image, BrokenFileError):
            return name, (image.shape[0], image.shape[1], channels)
        broken.append(image)
    raise BrokenFileError(f"{told(broken, len(names))} None is left: mend or replace them.")


def _blocks(
    root: Path, names: Sequence[str], first: str, shape: Shape, options: DataOptions
) -> Iterator[np.ndarray]:
    peaks: list[int] = []
    work = partial(_fitting, root, first, shape, options.image_size, peaks)
    found = in_threads(work, names, options.workers, max(1, min(_BLOCK, _MEMORY // prod(shape))))
    yield from stacked(found, "To leave them out, set data.on_error:skip.")
    _tell_of_dark(root, peaks)


def _tell_of_dark(root: Path, peaks: Sequence[int]) -> None:
    """Say how few levels are left where files of 16 bits hold values of 12, say."""
    peak = max(peaks, default=0)
    if 0 < peak < _DARK:
        logger.warning(
            "%s: the brightest pixel of %d images with 16 bits is %d of 65535, so that %d of 256 levels "
            "are left of them. For more, multiply the values of all these files by one factor, at most %d.",
            root,
            len(peaks),
            peak,
            levels_left(peak),
            65535 // peak,
        )


def _fitting(root: Path, first: str, shape: Shape, side: int | None, peaks: list[int], name: str) -> Tried:
    image = tried(pixels, root / name, side, shape[2], peaks)
    if isinstance(image, BrokenFileError) or image.shape == shape:
        return image
    sizes = [f"{height}x{width}" for height, width, _ in (image.shape, shape)]
    raise OptionsError(
        f"{root / name}: is {sizes[0]} (height x width), but {root / first} is {sizes[1]}: "
        "set data.image_size to the side that all images shall get, such as data.image_size:64."
    )
