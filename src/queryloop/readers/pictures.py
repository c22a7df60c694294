"""One image file of any common format to 8-bit pixels."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from queryloop.errors import BrokenFileError
from queryloop.readers.content import packed, refusing
from queryloop.readers.soundness import check_bands, check_whole

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")
_DEEP = {"I;16", "I;16B", "I;16L"}
_GREY = {"1", "L", "LA", *_DEEP}
_ORIENTATION, _PHOTOMETRIC = 0x0112, 0x0106  # numbers of tags
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image upright, by the orientation that a camera wrote."""
_STEPS = {"L;2": 85, "L;4": 17}
"""Of 256 levels, one of the 4 or 16 that a PNG may have."""
_MOST = 89_478_485  # pixels of the largest image that Pillow takes for none that was made to fill the memory


def is_coloured(path: Path) -> bool:
    """Whether the header promises colour; a palette does. Raises BrokenFileError for no image."""
    image = _opened(path, packed(path))
    return image.mode not in _GREY and not any(form.split(";")[0] == "LA" for form in _stored(image))


def pixels(path: Path, side: int | None, channels: int, peaks: list[int] | None = None) -> np.ndarray:
    """The image upright, as uint8 (H, W, `channels`), with H = W = `side` unless that is None.

    The whole image is squashed into the square, so that nothing of it is lost. The first frame of
    several is read; what is transparent becomes white; 16-bit grey is divided by 257, so that 65535
    becomes 255, of other 16-bit values the higher byte is kept, and the brightest of 65536 is added to
    `peaks`. Raises BrokenFileError for what cannot be decoded.
    """
    raw = packed(path)
    file = _opened(path, raw)
    forms = _stored(file)
    is_deep = file.mode in _DEEP or any(";16" in form for form in forms)
    with refusing(path, "cannot be decoded"):
        check_whole(raw)
        _check_range(file)
        check_bands(file)
        if side:
            file.draft(None, (2 * side, 2 * side))  # a large JPEG is decoded at a half, quarter or eighth
        upright = _upright(file)
        if is_deep and peaks is not None:
            peaks.append(_brightest(upright))
        image = _opaque(_eight_bit(upright, forms)).convert("RGB" if channels == 3 else "L")
        if side:
            image = image.resize((side, side), Image.Resampling.BILINEAR)
        return np.asarray(image).reshape(image.height, image.width, channels)


def _opened(path: Path, raw: bytes) -> ImageFile.ImageFile:
    if not raw:
        raise BrokenFileError(f"{path}: is empty: copy or download it anew.")
    with refusing(path, f"cannot be opened as an image of the formats {', '.join(_FORMATS)}"):
        image = Image.open(BytesIO(raw), formats=_FORMATS)
    if image.width * image.height > _MOST:
        raise BrokenFileError(
            f"{path}: is {image.height}x{image.width} (height x width), more than {_MOST:,} pixels: "
            "refused, for it may have been made to fill the memory. Scale it down."
        )
    return image


def _stored(image: ImageFile.ImageFile) -> list[str]:
    """The form of the file's own values, as "LA;16B", before Pillow makes them 8-bit RGBA, say."""
    return [part.args if isinstance(part.args, str) else str((part.args or [""])[0]) for part in image.tile]


def _upright(image: Image.Image) -> Image.Image:
    """By Pillow's table alone: its own function also writes all other tags anew, and fails at odd ones."""
    image.load()  # which turns TIFF, and takes the tag away
    turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def levels_left(peak: int) -> int:
    """How many of 256 are left to 16-bit values of which the brightest is `peak`."""
    return (peak + 128) // 257 + 1


def _brightest(image: Image.Image) -> int:
    """Of 65536, as far as Pillow keeps it: of all but grey the higher byte."""
    if image.mode in _DEEP:
        return int(np.asarray(image).max())
    return 257 * int(np.asarray(image.convert("RGB")).max())


def _check_range(file: ImageFile.ImageFile) -> None:
    if file.mode in ("I", "F"):
        raise ValueError(
            "pixels of 32 bits, or with a sign, have no range that could be scaled: save it with 8 bits, or "
            "with 16 without a sign"
        )
    if file.mode in _DEEP and getattr(file, "tag_v2", {}).get(_PHOTOMETRIC) == 0:
        raise ValueError("0 is white in its 16 bits, which would be read inverted: save it with 0 as black")


def _eight_bit(image: Image.Image, forms: Sequence[str]) -> Image.Image:
    """Grey or colour of 8 bits, with the transparent level, where a PNG names one, in 8 bits, too."""
    if image.mode == "LAB":
        return image.convert("RGB")
    if image.mode not in _DEEP:
        _scale_key(image, forms)
        return image
    deep = np.asarray(image)
    grey = Image.fromarray(((deep.astype(np.uint32) + 128) // 257).astype(np.uint8))
    if (transparent := image.info.get("transparency")) is not None:  # one of 65536 levels, as PNG may name
        grey.putalpha(Image.fromarray(np.where(deep == transparent, 0, 255).astype(np.uint8)))
    return grey


def _scale_key(image: Image.Image, forms: Sequence[str]) -> None:
    """Pillow scales the pixels and leaves the transparent level as it stands in the file."""
    key = image.info.get("transparency")
    if isinstance(key, int) and (step := max(_STEPS.get(form, 0) for form in forms or [""])):
        image.info["transparency"] = step * key
    if isinstance(key, tuple) and any(";16" in form for form in forms):
        image.info["transparency"] = tuple(level >> 8 for level in key)


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    if layer.getchannel("A").getextrema() == (0, 0):
        raise ValueError("all of it is transparent: save it without transparency, or leave it out")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
