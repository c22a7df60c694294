"""Files that Pillow decodes without a word, though not to what they hold."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from queryloop.errors import BrokenFileError
from queryloop.readers.pictures import pixels

from .formats import noise
from .photographs import save
from .tiff import write_tiff

RGB, GREY = 2, 1


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_a_flipped_bit_of_a_png_is_found(tmp_path: Path, mode: str) -> None:
    whole = save(tmp_path / "a.png", noise(28, 28, 3), mode).read_bytes()
    for place in np.random.default_rng(0).integers(8, len(whole), 40):
        broken = bytearray(whole)
        broken[place] ^= 1 << int(place % 8)
        (tmp_path / "a.png").write_bytes(broken)
        with pytest.raises(BrokenFileError, match=r"a\.png"):
            pixels(tmp_path / "a.png", None, 3)


@pytest.mark.parametrize("ending", ["png", "jpg"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_an_end_of_zeros_is_found(tmp_path: Path, ending: str, share: float) -> None:
    path = save(tmp_path / f"a.{ending}", noise(64, 64, 3))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))].ljust(len(whole), b"\0"))
    with pytest.raises(BrokenFileError, match=rf"a\.{ending}: cannot be"):
        pixels(path, None, 3)


def test_zeros_after_the_end_of_a_jpeg_are_none_of_it(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", noise(16, 16, 3))
    expected = pixels(path, None, 3)
    path.write_bytes(path.read_bytes() + b"\0" * 100)
    np.testing.assert_array_equal(pixels(path, None, 3), expected)


@pytest.mark.parametrize(
    ("photometric", "count", "extra"),
    [(RGB, 4, ()), (RGB, 4, (0,)), (RGB, 6, (0, 0, 0)), (RGB, 5, (2, 0)), (GREY, 2, (0,)), (GREY, 2, ())],
)
def test_more_bands_than_colours_are_refused(
    tmp_path: Path, photometric: int, count: int, extra: tuple[int, ...]
) -> None:
    path = write_tiff(tmp_path / "a.tif", noise(5, 4, count), photometric=photometric, extra=extra)
    with pytest.raises(BrokenFileError, match=r"a\.tif: cannot be"):
        pixels(path, None, 3)


@pytest.mark.parametrize(("photometric", "count", "extra"), [(RGB, 3, ()), (GREY, 1, ()), (RGB, 4, (2,))])
def test_bands_that_are_colours_or_transparency_are_read(
    tmp_path: Path, photometric: int, count: int, extra: tuple[int, ...]
) -> None:
    bands = noise(5, 4, count)
    if extra:
        bands[..., 3] = 255
    path = write_tiff(tmp_path / "a.tif", bands, photometric=photometric, extra=extra)
    found = pixels(path, None, min(count, 3))
    np.testing.assert_array_equal(found, bands[..., :3])


@pytest.mark.parametrize("planes", [False, True])
def test_bands_in_planes(tmp_path: Path, planes: bool) -> None:
    bands = noise(5, 4, 3)
    path = write_tiff(tmp_path / "a.tif", bands, photometric=RGB, planes=planes)
    np.testing.assert_array_equal(pixels(path, None, 3), bands)


def test_16_bits_in_planes_are_refused(tmp_path: Path) -> None:
    bands = 257 * noise(5, 4, 3).astype(np.uint16)
    path = write_tiff(tmp_path / "a.tif", bands, photometric=RGB)
    np.testing.assert_array_equal(pixels(path, None, 3), bands // 257)
    write_tiff(path, bands, photometric=RGB, planes=True)
    with pytest.raises(BrokenFileError, match="16 bits lie in a plane for each band"):
        pixels(path, None, 3)


def test_an_image_that_is_all_transparent_is_refused(tmp_path: Path) -> None:
    layer = Image.fromarray(noise(5, 4, 3)).convert("RGBA")
    layer.putalpha(0)
    layer.save(tmp_path / "a.png")
    with pytest.raises(BrokenFileError, match="all of it is transparent"):
        pixels(tmp_path / "a.png", None, 3)


def test_a_packed_image_is_not_unpacked(tmp_path: Path) -> None:
    """A small file may hold more zeros than the memory does."""
    path = save(tmp_path / "a.png", noise(5, 4, 3))
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(BrokenFileError, match="cannot be opened as an image"):
        pixels(path, None, 3)
