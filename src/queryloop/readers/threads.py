"""The same work on many small files, in threads and in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from math import ceil
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], items: Sequence[T], workers: int, block: int) -> Iterator[list[R]]:
    """Results of `block` items at a time, in the order of `items`; no more than a block is in memory."""
    share = ceil(block / (4 * workers))  # one small file is less work than handing it over

    def part(start: int, stop: int) -> list[R]:
        return [work(item) for item in items[start:stop]]

    with ThreadPoolExecutor(workers) as pool:
        for begin in range(0, len(items), block):
            end = min(begin + block, len(items))
            starts = range(begin, end, share)
            parts = pool.map(part, starts, [min(start + share, end) for start in starts])
            yield list(chain.from_iterable(parts))
