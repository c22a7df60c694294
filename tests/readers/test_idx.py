from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from queryloop.errors import BrokenFileError

from .formats import idx, noise, write_idx
from .reading import pixels, read

IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


def test_samples_and_pixels_are_those_of_the_files(mnist: Path) -> None:
    images = read("mnist", mnist)
    assert images.shape == (6, 5, 1)
    assert images.samples.columns.tolist() == ["sample_id", "label", "split"]
    assert images.samples.iloc[[0, 11, 12, 16]].to_numpy().tolist() == [
        ["train/000000", "0", "train"],
        ["train/000011", "1", "train"],
        ["test/000000", "0", "test"],
        ["test/000004", "4", "test"],
    ]
    expected = np.concatenate([noise(12, 6, 5, seed=5), noise(5, 6, 5, seed=4)])[..., None]
    np.testing.assert_array_equal(pixels(images), expected)


def test_blocks_can_be_iterated_again(mnist: Path) -> None:
    images = read("mnist", mnist)
    np.testing.assert_array_equal(pixels(images), pixels(images))
    assert pixels(images).dtype == np.uint8


def test_fashion_mnist_has_names_of_clothes(tmp_path: Path) -> None:
    write_idx(tmp_path / "fashion-mnist")
    labels = read("fashion_mnist", tmp_path).samples.label[:10].tolist()
    assert labels[0] == "T-shirt/top"
    assert labels[9] == "Ankle boot"


@pytest.mark.parametrize("folder", ["mnist", "MNIST/raw", "mnist/MNIST/raw"])
@pytest.mark.parametrize("packed", [True, False])
def test_every_layout_gives_the_same(tmp_path: Path, mnist: Path, folder: str, packed: bool) -> None:
    other = tmp_path / "other"
    write_idx(other / folder, packed=packed)
    np.testing.assert_array_equal(pixels(read("mnist", other)), pixels(read("mnist", mnist)))


def test_plain_file_stands_before_its_gzip(mnist: Path) -> None:
    write_idx(mnist / "mnist", packed=False)
    (mnist / "mnist" / IMAGES).write_bytes(b"broken")
    assert len(read("mnist", mnist).samples) == 17


def packed(raw: bytes) -> Callable[[bytes], bytes]:
    return lambda _old: gzip.compress(raw)


def resized(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda old: gzip.compress(change(gzip.decompress(old)))


BROKEN: dict[str, tuple[str, Callable[[bytes], bytes], list[str]]] = {
    "wrong magic": (IMAGES, packed(b"\0\0\x0d\x03" + bytes(40)), ["0x00000d03", "0x00000803"]),
    "labels for images": (IMAGES, packed(idx(np.zeros(12))), ["0x00000801", "0x00000803"]),
    "truncated header": (IMAGES, packed(b"\0\0\x08\x03\0\0"), ["truncated", "expected 16", "found 6"]),
    "truncated": (IMAGES, resized(lambda raw: raw[:-7]), ["truncated", "expected 376", "found 369"]),
    "trailing": (LABELS, resized(lambda raw: raw + b"xyz"), ["3 trailing bytes", "expected 20", "found 23"]),
    "huge promise": (LABELS, packed(b"\0\0\x08\x01" + b"\xff" * 4), ["expected 4294967303", "found 8"]),
    "empty": (IMAGES, lambda _old: b"", ["is empty"]),
    "empty in gzip": (IMAGES, packed(b""), ["is empty"]),
    "no records": (LABELS, packed(idx(np.zeros(0))), ["no records"]),
    "truncated gzip": (IMAGES, lambda old: old[:-20], ["damaged gzip"]),
    "flipped gzip": (IMAGES, lambda old: old[:60] + bytes([old[60] ^ 255]) + old[61:], ["damaged gzip"]),
    "garbage after gzip": (IMAGES, lambda old: old + b"garbage", ["damaged gzip"]),
    "not gzip": (IMAGES, lambda _old: b"<html>404", ["0x3c68746d", "0x00000803"]),
    "counts differ": (LABELS, packed(idx(np.zeros(11))), ["12 images", "11 labels", IMAGES]),
    "label outside": (LABELS, packed(idx(np.array([0] * 7 + [10] + [0] * 4))), ["record 7 has 10", "0..9"]),
    "sizes differ": ("t10k-images-idx3-ubyte.gz", packed(idx(noise(5, 7, 5))), ["7x5", "6x5"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_refused_by_name(mnist: Path, case: str) -> None:
    name, damage, told = BROKEN[case]
    path = mnist / "mnist" / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BrokenFileError) as caught:
        read("mnist", mnist)
    for fragment in [str(path), *told]:
        assert fragment in str(caught.value)


def test_folder_in_place_of_a_file_counts_as_missing(mnist: Path) -> None:
    path = mnist / "mnist" / LABELS
    path.unlink()
    path.mkdir()
    with pytest.raises(FileNotFoundError, match="train-labels"):
        read("mnist", mnist)
