from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from queryloop.errors import BrokenFileError
from queryloop.readers.pictures import is_coloured, pixels

from .formats import deep_png, noise, png
from .photographs import save

GREY, COLOUR = noise(6, 5), noise(6, 5, 3, seed=1)


@pytest.mark.parametrize("suffix", ["png", "tif", "TIFF", "bmp", "gif"])
def test_grey_image_keeps_its_pixels(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", GREY)
    assert is_coloured(path) == (suffix == "gif")  # whose palette may hold any colour
    np.testing.assert_array_equal(pixels(path, None, 1)[..., 0], GREY)
    np.testing.assert_array_equal(pixels(path, None, 3), np.repeat(GREY[..., None], 3, axis=2))


@pytest.mark.parametrize(
    ("suffix", "how"), [("png", {}), ("tiff", {}), ("bmp", {}), ("webp", {"lossless": True})]
)
def test_colour_image_keeps_its_pixels(tmp_path: Path, suffix: str, how: dict[str, Any]) -> None:
    path = save(tmp_path / f"a.{suffix}", COLOUR, **how)
    assert is_coloured(path)
    np.testing.assert_array_equal(pixels(path, None, 3), COLOUR)


@pytest.mark.parametrize(("suffix", "mode"), [("jpg", None), ("jpeg", "L"), ("webp", None), ("tif", "CMYK")])
def test_compressed_and_printed_images_are_nearly_the_same(tmp_path: Path, suffix: str, mode: str) -> None:
    smooth = np.linspace(0, 255, 64).reshape(8, 8, 1).repeat(3, axis=2).astype(np.uint8)
    path = save(tmp_path / f"a.{suffix}", smooth, mode)
    for channels in (1, 3):
        assert np.abs(pixels(path, None, channels).astype(int) - smooth[..., :channels]).max() < 12


def test_printed_jpeg_is_read_as_colour(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", np.full((8, 8, 3), (200, 60, 20), np.uint8), "CMYK", quality=95)
    assert is_coloured(path)
    assert np.abs(pixels(path, None, 3).astype(int) - (200, 60, 20)).max() < 12


def test_black_and_white_becomes_0_and_255(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", GREY, "1")
    assert not is_coloured(path)
    assert set(np.unique(pixels(path, None, 1))) == {0, 255}


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_palette_gives_its_colours(tmp_path: Path, suffix: str) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([250, 10, 20, 30, 240, 50])
    image.putdata([0, 1])
    image.save(path := tmp_path / f"a.{suffix}")
    assert is_coloured(path)
    assert pixels(path, None, 3).tolist() == [[[250, 10, 20], [30, 240, 50]]]


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_16_bits_are_divided_by_257(tmp_path: Path, byte_order: str) -> None:
    deep = np.array([[0, 128, 129, 257, 32_896, 65_535]], np.uint16)
    path = tmp_path / "a.tif"
    Image.fromarray(deep.astype(f"{byte_order}u2")).save(path)
    assert not is_coloured(path)
    assert pixels(path, None, 1).ravel().tolist() == [0, 0, 1, 1, 128, 255]
    Image.fromarray(deep).save(path := tmp_path / "a.png")
    assert pixels(path, None, 1).ravel().tolist() == [0, 0, 1, 1, 128, 255]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_of_any_kind_keep_the_higher_8_and_tell_their_peak(tmp_path: Path, channels: int) -> None:
    deep = np.full((2, 2, channels), 257 * 40, np.uint16)
    if channels in (2, 4):
        deep[..., -1] = 65_535  # opaque
    deep[0, 0, 0] = 257 * 200
    (path := tmp_path / "a.png").write_bytes(deep_png(deep))
    peaks: list[int] = []
    read = pixels(path, None, 3 if channels > 2 else 1, peaks)
    assert is_coloured(path) == (channels > 2)
    assert read[0, 0, 0] == 200
    assert read[1, 1, 0] == 40
    assert peaks == [257 * 200]


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_32_bits_are_refused(tmp_path: Path, kind: type) -> None:
    path = save(tmp_path / "a.tif", GREY.astype(kind))
    with pytest.raises(BrokenFileError, match=r"a\.tif: cannot be decoded.*32 bits"):
        pixels(path, None, 1)


def test_16_bits_with_a_sign_or_inverted_are_refused(tmp_path: Path) -> None:
    signed, inverted = tmp_path / "signed.tif", tmp_path / "inverted.tif"
    Image.fromarray(np.zeros((2, 3), np.uint16)).save(signed, tiffinfo={339: 2})  # two's complement
    with pytest.raises(BrokenFileError, match="with a sign"):
        pixels(signed, None, 1)
    Image.fromarray(np.zeros((2, 3), np.uint16)).save(inverted)
    written = inverted.read_bytes()
    tag = struct.pack("<HHI", 262, 3, 1)  # the number for what the lowest value means
    assert written.count(tag) == 1
    inverted.write_bytes(written.replace(tag + b"\1", tag + b"\0"))
    with pytest.raises(BrokenFileError, match="0 is white"):
        pixels(inverted, None, 1)


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_what_is_transparent_is_white(tmp_path: Path, suffix: str) -> None:
    alpha = np.array([[255, 0]], np.uint8)
    layers = np.dstack([np.full((1, 2, 3), 40, np.uint8), alpha])
    how = {"lossless": True, "exact": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", layers, **how)
    assert pixels(path, None, 3).tolist() == [[[40] * 3, [255] * 3]]
    assert pixels(path, None, 1).tolist() == [[[40], [255]]]


def transparent(raw: bytes, *levels: int) -> bytes:
    """A PNG with a level that is transparent, in each channel."""
    chunk = b"tRNS" + struct.pack(f">{len(levels)}H", *levels)
    place = raw.index(b"IDAT") - 4
    chunk = struct.pack(">I", 2 * len(levels)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return raw[:place] + chunk + raw[place:]


@pytest.mark.parametrize(("depth", "row", "clear", "found"), [
    (1, 0b01000000, 1, [0, 255, 0, 0]),
    (2, 0b00011011, 1, [0, 255, 170, 255]),
    (4, 0x05AF, 10, [0, 85, 255, 255]),
])  # fmt: skip
def test_the_transparent_level_of_few_bits_is_white(
    tmp_path: Path, depth: int, row: int, clear: int, found: list[int]
) -> None:
    packed = zlib.compress(b"\0" + row.to_bytes((4 * depth + 7) // 8, "big"))
    (path := tmp_path / "a.png").write_bytes(transparent(png(1, 4, depth, 0, packed), clear))
    assert pixels(path, None, 1).ravel().tolist() == found


def test_the_transparent_colour_of_16_bits_is_white(tmp_path: Path) -> None:
    deep = np.array([[[0x1234, 0x5678, 0x9ABC], [0x3434, 0x7878, 0xBCBC]]], np.uint16)
    (path := tmp_path / "a.png").write_bytes(transparent(deep_png(deep), 0x1234, 0x5678, 0x9ABC))
    assert pixels(path, None, 3).tolist() == [[[255] * 3, [0x34, 0x78, 0xBC]]]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_transparent_level_of_16_bits_is_white_and_its_neighbours_are_not(
    tmp_path: Path, channels: int
) -> None:
    deep = np.array([[257 * 40, 257 * 40 + 1, 257 * 200]], np.uint16)
    (path := tmp_path / "a.png").write_bytes(transparent(deep_png(deep[..., None]), 257 * 40))
    assert not is_coloured(path)
    assert pixels(path, None, channels).tolist() == [[[value] * channels for value in (255, 40, 200)]]


def test_half_transparent_grey_is_half_white_and_stays_grey(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.array([[[100, 255], [100, 0]]], np.uint8), "LA")
    assert not is_coloured(path)
    assert pixels(path, None, 1).ravel().tolist() == [100, 255]


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_image_stands_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    """The first row and column of the file lie where the EXIF standard says (TIFF 6.0, tag 274)."""
    stored = np.zeros((32, 16, 3), np.uint8)
    stored[:8, :8] = 255  # first row, first column
    exif = Image.Exif()
    exif[274] = orientation
    upright = pixels(save(tmp_path / f"a.{suffix}", stored, exif=exif), None, 1)[..., 0]
    assert upright.shape == ((32, 16) if orientation < 5 else (16, 32))
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    bright = upright > 128
    assert bright[corner[orientation]]
    assert bright.sum() == 64


@pytest.mark.parametrize(("tag", "value"), [(282, "72 dpi"), (296, (1, 3)), (531, 70000)])
def test_image_stands_upright_whatever_else_its_camera_wrote(tmp_path: Path, tag: int, value: object) -> None:
    """Resolution as text, its unit as a fraction, a position beyond 16 bits: photographs have such tags."""
    exif = Image.Exif()
    exif[274] = 6
    upright = save(tmp_path / "a.jpg", noise(32, 16, 3), exif=exif)
    (odd := tmp_path / "b.jpg").write_bytes(with_tag(upright.read_bytes(), tag, value))
    assert Image.open(odd).getexif()[tag] != exif.get(tag)
    np.testing.assert_array_equal(pixels(odd, None, 3), pixels(upright, None, 3))
    assert pixels(odd, None, 3).shape == (16, 32, 3)


def with_tag(jpeg: bytes, tag: int, value: object) -> bytes:
    """A JPEG whose EXIF block holds orientation 6 and one tag of an unusual type."""
    kind, number, rest = {
        str: lambda text: (2, len(text) + 1, text.encode() + b"\0"),
        tuple: lambda pair: (5, 1, struct.pack(">2I", *pair)),
        int: lambda whole: (4, 1, struct.pack(">I", whole)),
    }[type(value)](value)
    data = rest if len(rest) <= 4 else struct.pack(">I", 38)
    entries = [struct.pack(">HHIHH", 274, 3, 1, 6, 0), struct.pack(">HHI", tag, kind, number) + data]
    block = b"Exif\0\0MM\0\x2a" + struct.pack(">IH", 8, 2) + b"".join(entries) + bytes(4) + rest
    start = jpeg.index(b"\xff\xe1")
    (length,) = struct.unpack(">H", jpeg[start + 2 : start + 4])
    return jpeg[: start + 2] + struct.pack(">H", len(block) + 2) + block + jpeg[start + 2 + length :]


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_of_a_printer_are_read_as_colour(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.tif"
    Image.new("LAB", (2, 2), (255, 128, 128)).save(path)
    assert is_coloured(path)
    assert (pixels(path, None, channels) >= 254).all()


def test_only_the_first_frame_is_read(tmp_path: Path) -> None:
    first, second = Image.new("L", (2, 2), 10), Image.new("L", (2, 2), 90)
    for suffix in ("gif", "tif"):
        first.save(path := tmp_path / f"a.{suffix}", save_all=True, append_images=[second])
        assert (pixels(path, None, 1) == 10).all()


@pytest.mark.parametrize("shape", [(40, 20), (20, 40), (7, 7), (1, 30), (400, 300)])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_image_of_any_size_becomes_a_square_with_all_of_it(
    tmp_path: Path, shape: tuple[int, int], suffix: str
) -> None:
    halves = np.zeros((*shape, 3), np.uint8)
    halves[:, shape[1] // 2 :] = 200
    image = pixels(save(tmp_path / f"a.{suffix}", halves), 10, 3)
    assert image.shape == (10, 10, 3)
    if shape[1] % 2 == 0:
        assert image[:, :3].max() < 20
        assert image[:, -3:].min() > 180


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 60_000])
def test_image_that_would_fill_the_memory_is_refused(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, 8, 0, b""))
    with pytest.raises(BrokenFileError, match=r"bomb\.png.*(pixels|bomb)"):
        pixels(path, 8, 3)


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "text": (b"<html>404</html>", "cannot be opened as an image"),
    "another format": (b"P6 2 2 255\n" + bytes(12), "cannot be opened as an image"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_file_that_is_no_image_is_named(tmp_path: Path, case: str) -> None:
    content, told = BROKEN[case]
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(BrokenFileError, match=rf"a\.png: {told}"):
        pixels(path, None, 3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp", "gif"])
def test_truncated_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", noise(40, 40, 3))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(BrokenFileError, match=rf"a\.{suffix}: cannot be"):
        pixels(path, None, 3)
