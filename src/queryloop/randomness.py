"""Every random draw comes from (seed, cycle, purpose), so adding one draw changes no other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

Ids = Sequence[str] | Sequence[int] | np.ndarray


def derived_seed(seed: int, cycle: int, purpose: str) -> int:
    """A 63-bit seed for one purpose in one cycle; the same on every machine and Python."""
    digest = hashlib.blake2b(f"{seed}/{cycle}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, cycle: int, purpose: str) -> np.random.Generator:
    """A numpy generator for one purpose in one cycle."""
    return np.random.default_rng(derived_seed(seed, cycle, purpose))


def bits_by_id(seed: int, cycle: int, purpose: str, ids: Ids) -> np.ndarray:
    """64 random bits for each id that depend on (seed, cycle, purpose, id) and nothing else.

    ids: (N,) texts or whole numbers; a number and its text are different ids. Returns (N,) uint64.
    Unlike a drawn sequence the bits do not change with the order or the number of the ids, nor with
    PYTHONHASHSEED. SipHash of a text, SplitMix64 of a number and of the seeded result: 0.1 s for
    1,000,000 texts.
    """
    from pandas.util import hash_array  # here: pandas takes half a second, and most commands draw nothing

    array = np.asarray(ids)
    plain = array.astype(np.int64 if array.dtype.kind in "iu" else object)
    words = hash_array(plain, categorize=False)
    return hash_array(words ^ np.uint64(derived_seed(seed, cycle, purpose)))


def uniform_by_id(seed: int, cycle: int, purpose: str, ids: Ids) -> np.ndarray:
    """A number in [0, 1) for each id: the upper 53 of its `bits_by_id`. Returns (N,) float64."""
    return (bits_by_id(seed, cycle, purpose, ids) >> np.uint64(11)) * 2.0**-53
