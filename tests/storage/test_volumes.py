from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError

from queryloop.errors import BrokenFileError, CorruptFileError, StateError
from queryloop.readers.grid import is_resampled, layout
from queryloop.readers.volumes import Case, FileGrid, Volume, VolumeSet
from queryloop.storage.volumes import VolumeStore
from queryloop.voxels import IGNORE

IDS = ["a0", "b.1", "c 2"]
AFFINE = np.array([[0.0, -1.5, 0.0, 4.0], [1.0, 0.0, 0.0, 0.1], [0.0, 0.0, 1 / 3, 7.0], [0.0, 0.0, 0.0, 1.0]])


def store(folder: Path, fingerprint: str = "0123") -> VolumeStore:
    volumes = VolumeStore(path=str(folder))
    volumes.locate(lambda: fingerprint)
    return volumes


def case(case_id: str, *, resampled: bool = False) -> Case:
    native = FileGrid((6, 5, 4), AFFINE)
    shape, spacing = layout(native)
    return Case(case_id, (3, 4, 5) if resampled else shape, spacing, native)


def volume(number: int, *, resampled: bool = False, free: bool = False) -> Volume:
    rng, of = np.random.default_rng(number), case(IDS[number], resampled=resampled)
    labels = rng.choice(np.array([0, 1, 2, IGNORE], np.uint8), of.shape)
    native = np.asfortranarray(rng.choice(np.array([0, 1, 2], np.uint8), of.native.shape))
    return Volume(
        of,
        image=rng.standard_normal((2, *of.shape)).astype(np.float32),
        labels=labels,
        free=np.where(labels == 0, IGNORE, labels) if free else None,
        native_labels=native if resampled else None,
    )


def volume_set(*volumes: Volume) -> VolumeSet:
    cases = [volume.case for volume in volumes]
    return VolumeSet(cases, ("background", "front", "back"), ("T1", "T2"), lambda: iter(volumes))


def broken_set(fault: Exception) -> VolumeSet:
    def volumes() -> Iterator[Volume]:
        yield volume(0)
        yield volume(1)
        raise fault

    return replace(volume_set(volume(0), volume(1), volume(2)), volumes=volumes)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")


def test_arrays_and_cases_come_back(tmp_path: Path) -> None:
    saved = [volume(0), volume(1, resampled=True), volume(2, free=True)]
    store(tmp_path).save(volume_set(*saved))
    found = store(tmp_path).load()
    assert (found.classes, found.channels) == (("background", "front", "back"), ("T1", "T2"))
    assert list(found.cases) == IDS
    for expected in saved:
        case_id = expected.case.sample_id
        loaded = found.cases[case_id]
        assert (loaded.shape, loaded.spacing) == (expected.case.shape, expected.case.spacing)
        assert loaded.native.shape == expected.case.native.shape
        np.testing.assert_array_equal(loaded.native.affine, expected.case.native.affine)
        np.testing.assert_array_equal(found.image(case_id), expected.image)
        np.testing.assert_array_equal(found.labels(case_id), expected.labels)
        assert found.n_voxels[case_id] == [int((expected.labels == number).sum()) for number in range(3)]


def test_free_labels_are_there_where_the_case_has_some(tmp_path: Path) -> None:
    saved = volume(1, free=True)
    store(tmp_path).save(volume_set(volume(0), saved))
    found = store(tmp_path).load()
    assert found.free_labels(IDS[0]) is None
    np.testing.assert_array_equal(found.free_labels(IDS[1]), saved.free)


def test_native_labels_are_those_of_the_file(tmp_path: Path) -> None:
    plain, resampled = volume(0), volume(1, resampled=True)
    assert (is_resampled(plain.case), is_resampled(resampled.case)) == (False, True)
    store(tmp_path).save(volume_set(plain, resampled))
    found = store(tmp_path).load()
    np.testing.assert_array_equal(found.native_labels(IDS[1]), resampled.native_labels)
    np.testing.assert_array_equal(found.native_labels(IDS[0]), found.to_native(plain.labels, IDS[0]))
    assert found.to_native(resampled.labels, IDS[1]).shape == (6, 5, 4)


def test_arrays_are_mapped_read_only(tmp_path: Path) -> None:
    store(tmp_path).save(volume_set(volume(0)))
    found = store(tmp_path).load()
    for array in (found.image(IDS[0]), found.labels(IDS[0])):
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable


def test_cases_are_written_without_keeping_them(tmp_path: Path) -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = []

    def volumes() -> Iterator[Volume]:
        for number in range(3):
            made = volume(number)
            alive.append(weakref.ref(made.image))
            most.append(sum(ref() is not None for ref in alive))
            yield made
            del made

    store(tmp_path).save(replace(volume_set(*map(volume, range(3))), volumes=volumes))
    assert most == [1, 1, 1]


def test_a_source_with_broken_files_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as refused:
        store(tmp_path).save(broken_set(BrokenFileError("c 2 is broken")))
    assert isinstance(refused.value.__cause__, BrokenFileError)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_interrupted_writer_leaves_whole_cases_that_the_next_one_keeps(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        store(tmp_path).save(broken_set(KeyboardInterrupt()))
    kept = files(tmp_path)
    assert len(kept) == 4
    assert not store(tmp_path).exists()
    with pytest.raises(DatasetError, match="never finished"):
        store(tmp_path).load()
    times = {name: (tmp_path / "0123/volumes" / name).stat().st_mtime_ns for name in kept}
    store(tmp_path).save(volume_set(*map(volume, range(3))))
    assert store(tmp_path).exists()
    assert {name: (tmp_path / "0123/volumes" / name).stat().st_mtime_ns for name in kept} == times
    np.testing.assert_array_equal(store(tmp_path).load().image(IDS[2]), volume(2).image)


def test_the_first_writer_wins(tmp_path: Path) -> None:
    store(tmp_path).save(volume_set(volume(0)))
    store(tmp_path).save(volume_set(volume(1), volume(2)))
    assert list(store(tmp_path).load().cases) == IDS[:1]
    assert not store(tmp_path, "89ab").exists()


@pytest.mark.parametrize("kind", ["image", "labels"])
def test_damaged_arrays_are_refused(tmp_path: Path, kind: str) -> None:
    store(tmp_path).save(volume_set(volume(0)))
    path = tmp_path / "0123" / "volumes" / f"a0.{kind}.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    found = store(tmp_path).load()
    with pytest.raises(
        CorruptFileError, match=r"is not what was written .*delete \S+/volumes, and the next run"
    ):
        getattr(found, kind)("a0")


@pytest.mark.parametrize("name", ["index.json", "a0.free.npy"])
def test_files_that_have_gone_are_named(tmp_path: Path, name: str) -> None:
    store(tmp_path).save(volume_set(volume(0, free=True)))
    (tmp_path / "0123" / "volumes" / name).unlink()
    with pytest.raises((DatasetError, CorruptFileError), match=f"{name} is missing"):
        store(tmp_path).load().free_labels("a0")


def test_a_case_that_is_not_stored_is_named(tmp_path: Path) -> None:
    store(tmp_path).save(volume_set(volume(0)))
    found = store(tmp_path).load()
    for read in (found.image, found.labels, found.free_labels, found.native_labels):
        with pytest.raises(StateError, match=r"case '../a0' is not among the 1 stored"):
            read("../a0")
