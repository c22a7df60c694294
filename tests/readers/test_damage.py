"""Whatever happens to the bytes of a file, only a QueryloopError leaves the readers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queryloop.errors import QueryloopError
from queryloop.readers import registry

from .formats import digits_csv, write_idx
from .reading import read_all

checked = settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
places = st.integers(0, 10**9)
SETS = [
    ("mnist", "mnist"),
    ("cifar10", "shards"),
    ("cifar10", "batches"),
    ("droughtwatch", "pastures"),
]


def truncated(raw: bytes, place: int) -> bytes:
    return raw[: place % len(raw)]


def flipped(raw: bytes, place: int) -> bytes:
    i = place % len(raw)
    return raw[:i] + bytes([raw[i] ^ (1 + place % 255)]) + raw[i + 1 :]


def read_damaged(name: str, raw_root: Path, file: int, damage: Callable[[bytes], bytes]) -> None:
    """Reads with one file damaged, and puts the file right again."""
    files = registry.find(name).source(raw_root).files
    path = files[file % len(files)]
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    try:
        with suppress(QueryloopError):
            read_all(name, raw_root)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("damage", [truncated, flipped])
@pytest.mark.parametrize(("name", "fixture"), SETS)
def test_damage_raises_nothing_foreign(
    request: pytest.FixtureRequest, name: str, fixture: str, damage: Callable[[bytes, int], bytes]
) -> None:
    raw_root = request.getfixturevalue(fixture)

    @checked
    @given(file=places, place=places)
    def run(file: int, place: int) -> None:
        read_damaged(name, raw_root, file, lambda raw: damage(raw, place))

    run()


@checked
@given(file=places, place=places)
def test_damaged_plain_idx_raises_nothing_foreign(tmp_path: Path, file: int, place: int) -> None:
    write_idx(tmp_path / "mnist", packed=False)
    read_damaged("mnist", tmp_path, file, lambda raw: truncated(raw, place))
    read_damaged("mnist", tmp_path, file, lambda raw: flipped(raw, place))


@checked
@given(place=places)
def test_damaged_digits_raise_nothing_foreign(
    own_digits: Callable[[bytes], Path], tmp_path: Path, place: int
) -> None:
    own_digits(digits_csv(np.arange(65 * 4).reshape(4, 65) % 10))
    read_damaged("digits", tmp_path, 0, lambda raw: truncated(raw, place))
    read_damaged("digits", tmp_path, 0, lambda raw: flipped(raw, place))


@checked
@given(content=st.binary(max_size=200), file=places)
@pytest.mark.parametrize(("name", "fixture"), SETS)
def test_any_bytes_raise_nothing_foreign(
    request: pytest.FixtureRequest, name: str, fixture: str, content: bytes, file: int
) -> None:
    read_damaged(name, request.getfixturevalue(fixture), file, lambda _raw: content)
