"""Images that cannot be read: each is found, and all are named at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from queryloop.errors import BrokenFileError, examples, log_all

logger = logging.getLogger(__name__)

Tried = np.ndarray | BrokenFileError
"""An image, or why there is none."""


def tried(decode: Callable[..., np.ndarray], *args: Any) -> Tried:
    """The image that `decode` gives, or what it refuses."""
    try:
        return decode(*args)
    except BrokenFileError as error:
        return error


def stacked(blocks: Iterable[Sequence[Tried]], remedy: str) -> Iterator[np.ndarray]:
    """Each block as one array; after an image that cannot be read the rest is only searched for more.

    Raises BrokenFileError at the end, naming all of them and the remedy.
    """
    broken, total = list[BrokenFileError](), 0
    for block in blocks:
        images = [image for image in block if not isinstance(image, BrokenFileError)]
        broken += [image for image in block if isinstance(image, BrokenFileError)]
        total += len(block)
        if not broken:
            yield np.stack(images)
    if broken:
        raise BrokenFileError(f"{told(broken, total)} {remedy}")


def told(broken: Sequence[BrokenFileError], total: int) -> str:
    """How many of all, and the first of them; many have a line each in the log."""
    log_all(logger, broken)
    named = examples([str(error).rstrip(".") for error in broken])
    return f"{len(broken)} of {total} images cannot be read: {named}."
