"""One image file of any common format to 8-bit pixels."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from queryloop.errors import BrokenFileError
from queryloop.readers.content import contents, refusing

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")
_GREY = {"1", "L", "LA", "I;16", "I;16B", "I;16L"}
_ORIENTATION = 0x0112  # the number of the EXIF tag
_MOST = 89_478_485  # pixels of the largest image that Pillow takes for none that was made to fill the memory


def is_coloured(path: Path) -> bool:
    """Whether the header promises colour; a palette does. Raises BrokenFileError for no image."""
    return _opened(path).mode not in _GREY


def pixels(path: Path, side: int | None, channels: int, peaks: list[int] | None = None) -> np.ndarray:
    """The image upright, as uint8 (H, W, `channels`), with H = W = `side` unless that is None.

    The whole image is squashed into the square, so that nothing of it is lost. The first frame of
    several is read; what is transparent becomes white; 16-bit grey is divided by 257, so that 65535
    becomes 255, and its brightest value is added to `peaks`. Raises BrokenFileError for what cannot be
    decoded.
    """
    image = _opened(path)
    with refusing(path, "cannot be decoded"):
        if side:
            image.draft(None, (2 * side, 2 * side))  # a large JPEG is decoded at a half, quarter or eighth
        image = _opaque(_eight_bit(_upright(image), peaks))
        image = image.convert("RGB" if channels == 3 else "L")
        if side:
            image = image.resize((side, side), Image.Resampling.BILINEAR)
        return np.asarray(image).reshape(image.height, image.width, channels)


def _opened(path: Path) -> Image.Image:
    packed = BytesIO(contents(path))
    with refusing(path, "cannot be opened as an image"):
        image = Image.open(packed, formats=_FORMATS)
    if image.width * image.height > _MOST:
        raise BrokenFileError(
            f"{path}: is {image.height}x{image.width} (height x width), more than {_MOST:,} pixels: "
            "refused, for it may have been made to fill the memory. Scale it down."
        )
    return image


def _upright(image: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(image) if image.getexif().get(_ORIENTATION, 1) != 1 else image


def grey_levels(peak: int) -> int:
    """How many of 256 are left to 16-bit grey whose brightest value is `peak`."""
    return (peak + 128) // 257 + 1


def _eight_bit(image: Image.Image, peaks: list[int] | None) -> Image.Image:
    if image.mode in ("I", "F"):
        raise ValueError("32-bit pixels have no range that could be scaled: save it with 8 or 16 bits")
    if image.mode not in ("I;16", "I;16B", "I;16L"):
        return image
    values = np.asarray(image).astype(np.uint32)
    if peaks is not None:
        peaks.append(int(values.max()))
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
