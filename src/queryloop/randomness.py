"""Every random draw comes from (seed, cycle, purpose), so adding one draw changes no other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def derived_seed(seed: int, cycle: int, purpose: str) -> int:
    """A 63-bit seed for one purpose in one cycle; the same on every machine and Python."""
    digest = hashlib.blake2b(f"{seed}/{cycle}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, cycle: int, purpose: str) -> np.random.Generator:
    """A numpy generator for one purpose in one cycle."""
    return np.random.default_rng(derived_seed(seed, cycle, purpose))


def uniform_by_id(seed: int, cycle: int, purpose: str, ids: Sequence[str]) -> np.ndarray:
    """A number in [0, 1) for each id that depends on (seed, cycle, purpose, id) and nothing else.

    Unlike a drawn sequence it does not change with the order or the number of the ids.
    """
    key = derived_seed(seed, cycle, purpose).to_bytes(8, "big")
    digests = b"".join(hashlib.blake2b(i.encode(), digest_size=8, key=key).digest() for i in ids)
    return (np.frombuffer(digests, dtype=">u8") >> np.uint64(11)) * 2.0**-53
