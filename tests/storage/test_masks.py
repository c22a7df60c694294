from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError

from queryloop.errors import CorruptFileError, StateError
from queryloop.storage.lock import locked
from queryloop.storage.masks import MaskStore, key_of


def store(home: Path) -> MaskStore:
    return MaskStore(path=str(home / "masks"), experiment={"path": str(home)})


def mask(seed: int, shape: tuple[int, int, int] = (2, 3, 4)) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([0, 1, 255], np.uint8), shape)


def files(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "masks").glob("*.npy"))


def test_masks_come_back_by_their_keys(tmp_path: Path) -> None:
    given = [mask(0), mask(1), mask(2, (4, 3, 2))[:, ::-1]]
    with locked(tmp_path):
        store(tmp_path).save(given)
    found = store(tmp_path).load()
    for expected in given:
        loaded = found[key_of(expected)]
        np.testing.assert_array_equal(loaded, expected)
        assert loaded.dtype == np.uint8
        assert not loaded.flags.writeable


def test_a_key_says_what_is_labelled_and_in_which_shape() -> None:
    masks = [mask(0), mask(1), mask(0).reshape(4, 3, 2), np.zeros((1, 1, 2), np.uint8)]
    assert len({key_of(m) for m in masks}) == len(masks)
    assert key_of(mask(0)) == key_of(np.asfortranarray(mask(0)))


def test_a_mask_is_kept_once(tmp_path: Path) -> None:
    with locked(tmp_path):
        store(tmp_path).save([mask(0), mask(0)])
        (name,) = files(tmp_path)
        before = (tmp_path / "masks" / name).stat().st_mtime_ns
        store(tmp_path).save([mask(0)])
    assert files(tmp_path) == [name]
    assert (tmp_path / "masks" / name).stat().st_mtime_ns == before


def test_only_a_holder_of_the_lock_saves(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds its lock"):
        store(tmp_path).save([mask(0)])
    assert not store(tmp_path).exists()


def test_damaged_missing_and_strange_masks_are_named(tmp_path: Path) -> None:
    with locked(tmp_path):
        store(tmp_path).save([mask(0)])
    key, found = key_of(mask(0)), store(tmp_path).load()
    path = tmp_path / "masks" / f"{key}.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(CorruptFileError, match=f"{key}.npy is not what was written"):
        found[key]
    with pytest.raises(CorruptFileError, match="is missing"):
        found[key_of(mask(1))]
    for name in ("truth", "../lock", key[:-1]):
        with pytest.raises(StateError, match="is no mask of"):
            found[name]
