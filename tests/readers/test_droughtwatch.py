from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.readers import droughtwatch

from .formats import noise, pasture, record, write_pastures
from .reading import pixels, read, read_all

SECOND = "train/part-r-00001"


def expected() -> np.ndarray:
    """The images of `write_pastures`, (7, 65, 65, 11)."""
    """Red, green and blue first."""
    bands = np.stack([np.moveaxis(noise(11, 65, 65, seed=seed), 0, -1) for seed in range(7)])
    return bands[..., [3, 2, 1, 0, *range(4, 11)]]


def test_samples_and_pixels_are_those_of_the_files(pastures: Path) -> None:
    images = read("droughtwatch", pastures)
    assert images.shape == (65, 65, 11)
    assert images.samples.to_numpy().tolist() == [
        ["train/000000", "0", "train"],
        ["train/000001", "1", "train"],
        ["train/000002", "2", "train"],
        ["train/000003", "3+", "train"],
        ["train/000004", "0", "train"],
        ["test/000000", "1", "test"],
        ["test/000001", "2", "test"],
    ]
    np.testing.assert_array_equal(pixels(images), expected())


def test_visible_light_is_red_green_blue(pastures: Path) -> None:
    images = read("droughtwatch", pastures, bands="rgb")
    assert images.shape == (65, 65, 3)
    np.testing.assert_array_equal(pixels(images), expected()[..., :3])


def test_two_classes_are_none_and_at_least_one(pastures: Path) -> None:
    images = read("droughtwatch", pastures, binary=True)
    assert images.samples.label.tolist() == ["0", "1+", "1+", "1+", "0", "1+", "1+"]
    np.testing.assert_array_equal(pixels(images), expected())


def test_classes_that_are_nowhere_are_named(pastures: Path, caplog: pytest.LogCaptureFixture) -> None:
    read("droughtwatch", pastures)
    assert "no training image" not in caplog.text
    (pastures / "droughtwatch" / "train/part-r-00000").write_bytes(pasture(0, 0))
    (pastures / "droughtwatch" / "train/part-r-00001").write_bytes(pasture(1, 1))
    read("droughtwatch", pastures)
    assert "2 of 4 classes have no training image: 2, 3+." in caplog.text


def test_parts_that_are_left_out_are_named(pastures: Path, caplog: pytest.LogCaptureFixture) -> None:
    read("droughtwatch", pastures)
    assert "were they lost" not in caplog.text
    folder = pastures / "droughtwatch" / "train"
    (folder / "part-r-00001").rename(folder / "part-r-00003")
    read("droughtwatch", pastures)
    assert "train/part-r-00001, train/part-r-00002: not there, though later parts are" in caplog.text


@pytest.mark.parametrize("block", [1, 2, 256])
def test_blocks_change_nothing(pastures: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(droughtwatch, "_BLOCK", block)
    blocks = list(read("droughtwatch", pastures).blocks())
    assert max(map(len, blocks)) == min(block, 3)
    np.testing.assert_array_equal(np.concatenate(blocks), expected())


def test_gzip_gives_the_same(pastures: Path) -> None:
    path = pastures / "droughtwatch" / SECOND
    path.write_bytes(gzip.compress(path.read_bytes()))
    np.testing.assert_array_equal(pixels(read("droughtwatch", pastures)), expected())


@pytest.mark.parametrize(
    "folder",
    [
        "droughtwatch",
        "droughtwatch_data",
        "droughtwatch/droughtwatch_data",
        "dw_train_86K_val_10K",
        "dw_train_86K_val_10K/droughtwatch_data",
    ],
)
def test_every_layout_is_found_and_other_files_are_left_alone(tmp_path: Path, folder: str) -> None:
    write_pastures(tmp_path / folder)
    for name in ("part-r-00002_.gstmp", "part-r-00003gstmp", "processed_part-r-00000", "_SUCCESS"):
        (tmp_path / folder / "train" / name).write_bytes(b"no TFRecord")
    assert len(read("droughtwatch", tmp_path).samples) == 7


@pytest.mark.parametrize("part", ["train", "val"])
def test_missing_part_is_told(pastures: Path, part: str) -> None:
    for path in (pastures / "droughtwatch" / part).iterdir():
        path.unlink()
    with pytest.raises(MissingFilesError) as caught:
        read("droughtwatch", pastures)
    told = str(caught.value)
    assert f"Missing in {pastures / 'droughtwatch'}: {part}/part-r-*." in told
    assert "dw_train_86K_val_10K.zip" in told


def second(**changed: bytes | int | None) -> bytes:
    """A file whose second record is changed."""
    return pasture(0, 0) + pasture(1, **{"label": 1, **changed})


BROKEN: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["is empty"]),
    "no TFRecord": (b"<html>404</html>", ["record 0: the length has the checksum"]),
    "no example": (pasture(0, 0) + record(b"\xff"), ["record 1", "a number has no end"]),
    "no label": (second(label=None), ["label of record 1", "no feature label"]),
    "no features": (pasture(0, 0) + record(b""), ["label of record 1", "no feature label"]),
    "label is bytes": (second(label=b"1"), ["label of record 1", "bytes_list, expected one int64_list"]),
    "label outside": (second(label=4), ["record 1 has 4", "0..3"]),
    "label below": (second(label=-1), ["record 1 has -1"]),
    "label far outside": (second(label=2**40), [f"record 1 has {2**40}"]),
    "no band": (second(B7=None), ["band B7 of record 1", "no feature B7"]),
    "band is a number": (second(B7=7), ["band B7 of record 1", "int64_list, expected one bytes_list"]),
    "band is short": (second(B7=bytes(4224)), ["band B7 of record 1 has 4224 bytes, expected 4225"]),
    "band is long": (second(B4=bytes(4226)), ["band B4 of record 1 has 4226 bytes, expected 4225"]),
    "band is empty": (second(B11=b""), ["band B11 of record 1 has 0 bytes"]),
    "record is long": (second(extra=bytes(2**20)), ["record 1 has a length", "1,048,576 is the most"]),
}


@pytest.mark.parametrize("name", [SECOND, "val/part-r-00000"])
@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_is_refused_by_name(pastures: Path, case: str, name: str) -> None:
    content, told = BROKEN[case]
    path = pastures / "droughtwatch" / name
    path.write_bytes(content)
    with pytest.raises(BrokenFileError) as caught:
        read_all("droughtwatch", pastures)
    for fragment in [str(path), *told]:
        assert fragment in str(caught.value)


def test_band_that_is_not_asked_for_may_be_missing(pastures: Path) -> None:
    path = pastures / "droughtwatch" / SECOND
    path.write_bytes(second(B7=None))
    assert len(pixels(read("droughtwatch", pastures, bands="rgb"))) == 7


def test_file_that_changes_between_labels_and_images_is_refused(pastures: Path) -> None:
    images = read("droughtwatch", pastures)
    path = pastures / "droughtwatch" / SECOND
    raw = path.read_bytes()
    path.write_bytes(raw[:50_000] + bytes([raw[50_000] ^ 1]) + raw[50_001:])
    with pytest.raises(BrokenFileError, match="record 1: the payload has the checksum"):
        pixels(images)
