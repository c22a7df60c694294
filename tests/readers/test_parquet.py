from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.readers import parquet

from .formats import noise, packed_image, write_shard, write_shards
from .reading import pixels, read, read_all

SECOND = "train-00001-of-00002.parquet"
IMAGE = packed_image(noise(4, 5, 3))


def test_samples_and_pixels_are_those_of_the_files(shards: Path) -> None:
    images, found = read_all("cifar10", shards)
    assert images.shape == (4, 5, 3)
    assert images.samples.iloc[[0, 6, 11, 12]].to_numpy().tolist() == [
        ["train/000000", "airplane", "train"],
        ["train/000006", "automobile", "train"],
        ["train/000011", "frog", "train"],
        ["test/000000", "bird", "test"],
    ]
    np.testing.assert_array_equal(found, np.concatenate([noise(6, 4, 5, 3, seed=i) for i in range(3)]))


def test_folder_of_a_hugging_face_clone_is_found(tmp_path: Path) -> None:
    write_shards(tmp_path / "cifar10" / "plain_text", train=1)
    assert len(read("cifar10", tmp_path).samples) == 12


def test_parquet_stands_before_batches(batches: Path) -> None:
    write_shards(batches / "cifar10")
    assert read("cifar10", batches).shape == (4, 5, 3)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("block", "chunk"), [(1, 1), (5, 2), (4096, 256)])
def test_threads_and_blocks_change_nothing(
    shards: Path, monkeypatch: pytest.MonkeyPatch, workers: int, block: int, chunk: int
) -> None:
    before = pixels(read("cifar10", shards))
    monkeypatch.setattr(parquet, "_BLOCK", block)
    monkeypatch.setattr(parquet, "_CHUNK", chunk)
    images = read("cifar10", shards, workers)
    assert max(len(array) for array in images.blocks()) <= block
    np.testing.assert_array_equal(pixels(images), before)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_grey_images_become_rgb(shards: Path, kind: str) -> None:
    grey = np.full((4, 5), 77, np.uint8)
    write_shard(shards / "cifar10" / SECOND, [packed_image(grey, kind)], [0])
    assert (pixels(read("cifar10", shards))[6] == 77).all()


def as_table(**columns: pa.Array) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pa.table(columns), path)


def rows(*images: bytes | None, labels: list[int | None] | None = None) -> Callable[[Path], None]:
    return lambda path: write_shard(path, images, labels or [0] * len(images))


def content(raw: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(raw) and None


def damaged(path: Path) -> None:
    """Overwrites the pages of the images, leaving the footer whole."""
    raw = bytearray(path.read_bytes())
    raw[4:300] = bytes(296)
    path.write_bytes(raw)


BROKEN: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "empty": (content(b""), ["not a readable Parquet file"]),
    "not Parquet": (content(b"<html>404</html>" * 9), ["not a readable Parquet file"]),
    "pages": (damaged, ["not a readable Parquet file"]),
    "no records": (rows(), ["no records"]),
    "no columns": (as_table(x=pa.array([1])), ["img (struct with bytes)", "label (integer)", "x (int64)"]),
    "image is text": (
        as_table(img=pa.array(["a"]), label=pa.array([1])),
        ["img (struct with bytes)", "img (string)"],
    ),
    "no bytes": (
        as_table(img=pa.array([{"path": "a"}]), label=pa.array([1])),
        ["img (struct with bytes)", "path"],
    ),
    "label is text": (
        as_table(img=pa.array([{"bytes": IMAGE}]), label=pa.array(["1"])),
        ["label (integer)", "label (string)"],
    ),
    "label outside": (rows(IMAGE, IMAGE, labels=[1, 10]), ["record 1 has 10", "0..9"]),
    "label absent": (rows(IMAGE, IMAGE, labels=[1, None]), ["record 1 has nan"]),
    "no image": (
        rows(IMAGE, b"GIF89a", IMAGE),
        ["row 1 holds no JPEG or PNG image (UnidentifiedImageError: cannot identify image file)"],
    ),
    "image absent": (rows(*[IMAGE] * 5, None), ["row 5 holds no JPEG or PNG"]),
    "header cut": (rows(IMAGE, IMAGE[:20]), ["row 1 holds no JPEG or PNG image"]),
    "PNG cut": (rows(IMAGE, IMAGE[:-40]), ["row 1 cannot be decoded"]),
    "JPEG cut": (rows(IMAGE, packed_image(noise(4, 5, 3), "JPEG")[:-12]), ["row 1 cannot be decoded"]),
    "image size": (rows(*[IMAGE] * 6, packed_image(noise(5, 4, 3))), ["row 6 is 5x4", "first one is 4x5"]),
}


@pytest.mark.parametrize("name", [SECOND, "train-00000-of-00002.parquet"])
@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_refused_by_name(shards: Path, case: str, name: str) -> None:
    damage, told = BROKEN[case]
    path = shards / "cifar10" / name
    damage(path)
    with pytest.raises(BrokenFileError) as caught:
        read_all("cifar10", shards)
    for fragment in [str(path), *told]:
        assert fragment in str(caught.value)


def test_every_image_that_cannot_be_read_is_named_and_counted(shards: Path) -> None:
    path = shards / "cifar10" / SECOND
    rows(IMAGE, b"GIF89a", IMAGE, IMAGE[:-40])(path)
    with pytest.raises(BrokenFileError, match=r"2 of 4 images cannot be read: .*row 1 .*row 3 .*anew\."):
        read_all("cifar10", shards)


def test_a_split_that_is_there_twice_is_refused(shards: Path) -> None:
    folder = shards / "cifar10"
    shutil.copy(folder / SECOND, folder / "train-00000-of-00001.parquet")
    with pytest.raises(BrokenFileError, match=r"cifar10: holds train in 1 and in \d parts, the same images"):
        read("cifar10", shards)


def test_missing_shards_are_listed(tmp_path: Path) -> None:
    write_shards(tmp_path / "cifar10", train=4)
    for i in (1, 3):
        (tmp_path / "cifar10" / f"train-{i:05d}-of-00004.parquet").unlink()
    with pytest.raises(
        MissingFilesError, match=r"train-00001-of-00004\.parquet, train-00003-of-00004\.parquet\."
    ):
        read("cifar10", tmp_path)
