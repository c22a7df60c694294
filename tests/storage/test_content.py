from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from queryloop.errors import CorruptFileError
from queryloop.samples import table
from queryloop.storage.content import (
    ArrayBlocks,
    FeatureStore,
    Fingerprint,
    ImageStore,
    SamplesTable,
    locate_content,
)
from queryloop.storage.files import whole_file

from .processes import output


def store(folder: Path, fingerprint: str = "0123") -> ImageStore:
    images = ImageStore(path=str(folder))
    images.locate(lambda: fingerprint)
    return images


def samples_table(folder: Path) -> SamplesTable:
    samples = SamplesTable(path=str(folder))
    samples.locate(lambda: "0123")
    return samples


def pixels(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 3, 4, 2), dtype=np.uint8)


def blocks_of(images: np.ndarray, size: int) -> ArrayBlocks:
    return ArrayBlocks(images.shape, lambda: (images[i : i + size] for i in range(0, len(images), size)))


def rows(label: str) -> pd.DataFrame:
    return table("samples", {"sample_id": ["a", "b"], "label": label, "split": "train"})


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_images_come_back_in_their_order_for_any_size_of_blocks(tmp_path: Path, size: int) -> None:
    store(tmp_path).save(blocks_of(pixels(10), size))
    assert np.array_equal(store(tmp_path).load(), pixels(10))


def test_blocks_that_are_not_contiguous_keep_their_pixels(tmp_path: Path) -> None:
    flipped = pixels(5)[:, ::-1]
    store(tmp_path).save(ArrayBlocks(flipped.shape, lambda: iter([flipped])))
    assert np.array_equal(store(tmp_path).load(), flipped)


def test_images_are_mapped_read_only(tmp_path: Path) -> None:
    store(tmp_path).save(blocks_of(pixels(4), 2))
    images = store(tmp_path).load()
    assert isinstance(images, np.memmap)
    assert not images.flags.writeable


def test_images_are_written_without_keeping_the_blocks(tmp_path: Path) -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = []

    def blocks() -> Iterator[np.ndarray]:
        for i in range(20):
            block = pixels(2, seed=i)
            alive.append(weakref.ref(block))
            most.append(sum(ref() is not None for ref in alive))
            yield block
            del block

    store(tmp_path).save(ArrayBlocks((40, 3, 4, 2), blocks))
    assert max(most) <= 2


KILLED = """
import signal
import numpy as np
from queryloop.storage.content import ArrayBlocks, FeatureStore

def blocks():
    yield np.zeros((2, 3))
    print(os.listdir(Path({path!r}) / "0123"), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

features = FeatureStore(path={path!r})
features.locate(lambda: "0123")
features.save(ArrayBlocks((4, 3), blocks))
"""


def test_a_kill_in_the_middle_leaves_no_features_and_the_next_writer_cleans_up(tmp_path: Path) -> None:
    assert ".tmp" in output(KILLED.format(path=str(tmp_path)))
    features = FeatureStore(path=str(tmp_path))
    features.locate(lambda: "0123")
    assert not features.exists()
    values = np.random.default_rng(0).random((4, 3))
    features.save(ArrayBlocks((4, 3), lambda: iter([values[:1], values[1:]])))
    assert np.array_equal(features.load(), values.astype(np.float32))
    assert sorted(path.name for path in (tmp_path / "0123").iterdir()) == [
        ".features.npy.seal",
        "features.npy",
    ]


@pytest.mark.parametrize("promised", [9, 11])
def test_a_source_that_breaks_its_promise_leaves_nothing(tmp_path: Path, promised: int) -> None:
    broken = ArrayBlocks((promised, 3, 4, 2), blocks_of(pixels(10), 3).blocks)
    with pytest.raises(DatasetError, match=f"promised {promised} images and gave 10"):
        store(tmp_path).save(broken)
    assert [*tmp_path.rglob("*.*")] == []


def test_the_first_writer_of_images_wins(tmp_path: Path) -> None:
    for seed in (1, 2):
        store(tmp_path).save(blocks_of(pixels(4, seed), 2))
    assert np.array_equal(store(tmp_path).load(), pixels(4, seed=1))


def test_a_writer_that_comes_second_while_it_writes_keeps_the_first(tmp_path: Path) -> None:
    def overtaken() -> Iterator[np.ndarray]:
        store(tmp_path).save(blocks_of(pixels(4, seed=1), 2))
        yield pixels(4, seed=2)

    store(tmp_path).save(ArrayBlocks((4, 3, 4, 2), overtaken))
    assert np.array_equal(store(tmp_path).load(), pixels(4, seed=1))


def test_the_first_writer_of_samples_wins(tmp_path: Path) -> None:
    for label in ("first", "second"):
        samples_table(tmp_path).save(rows(label))
    assert samples_table(tmp_path).load().equals(rows("first"))


def test_other_content_lies_elsewhere(tmp_path: Path) -> None:
    for fingerprint in ("0123", "4567"):
        store(tmp_path, fingerprint).save(blocks_of(pixels(4, int(fingerprint)), 2))
    assert np.array_equal(store(tmp_path, "0123").load(), pixels(4, 123))
    assert not store(tmp_path, "89ab").exists()


def test_an_array_of_pickled_objects_is_refused(tmp_path: Path) -> None:
    with whole_file(tmp_path / "0123" / "images.npy") as file:
        np.lib.format.write_array(file, np.array([{"any": "object"}]), allow_pickle=True)
    with pytest.raises(DatasetError, match=r"[Oo]bject arrays cannot be|Python objects"):
        store(tmp_path).load()


@pytest.mark.parametrize(
    ("name", "make", "data"),
    [("images.npy", store, blocks_of(pixels(4), 2)), ("samples.parquet", samples_table, rows("a"))],
)
def test_damaged_content_is_refused(
    tmp_path: Path, name: str, make: Callable[[Path], ImageStore | SamplesTable], data: object
) -> None:
    make(tmp_path).save(data)
    path = tmp_path / "0123" / name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DatasetError, match="is not what was written") as refused:
        make(tmp_path).load()
    assert isinstance(refused.value.__cause__, CorruptFileError)
    assert f"delete {path}, and the next run makes it again" in str(refused.value)
    path.unlink()
    make(tmp_path).save(data)
    make(tmp_path).load()


def test_the_fingerprint_is_asked_for_at_the_first_use(tmp_path: Path) -> None:
    asked = []
    catalog = {
        "fingerprint": Fingerprint(path=str(tmp_path)),
        "input_fingerprint": Fingerprint(path=str(tmp_path)),
        "features": FeatureStore(path=str(tmp_path)),
        "samples": SamplesTable(path=str(tmp_path)),
        "images": ImageStore(path=str(tmp_path)),
    }
    locate_content(catalog, lambda: asked.append(1) or "0123", lambda: "4567")
    assert not asked
    assert catalog["fingerprint"].load() == "0123"
    assert catalog["input_fingerprint"].load() == "4567"
    assert not catalog["samples"].exists()
    with pytest.raises(DatasetError, match="was not told its fingerprint"):
        ImageStore(path=str(tmp_path)).load()
