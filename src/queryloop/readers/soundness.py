"""Damage of image files, and bands in them, that Pillow passes over without a word."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageFile

_PNG, _JPEG, _JPEG_END = b"\x89PNG", b"\xff\xd8\xff", b"\xff\xd9"
_BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA = 258, 262, 277, 284, 338  # numbers of tags
_BANDS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}
"""How many bands a kind of TIFF has: grey, grey, RGB, palette, CMYK, YCbCr, LAB."""
_IN_PLANES = 2


def check_whole(raw: bytes) -> None:
    """Refuse what a broken copy left. Raises ValueError, or what Pillow raises for a wrong checksum.

    Of PNG the checksums are compared, which decoding does not do. A JPEG that ends in zeros before its end
    was copied in part into a file of full length.
    """
    if raw.startswith(_PNG):
        Image.open(BytesIO(raw)).verify()
    if raw.startswith(_JPEG) and raw.endswith(b"\0") and not raw.rstrip(b"\0").endswith(_JPEG_END):
        raise ValueError("its end is nothing but zeros: copy or download it anew")


def check_bands(file: ImageFile.ImageFile) -> None:
    """Refuse a TIFF of which Pillow would leave out bands, or take them for something else: ValueError."""
    tags = getattr(file, "tag_v2", {})
    count = tags.get(_SAMPLES, 1)
    more = count - _BANDS.get(tags.get(_PHOTOMETRIC, -1), count)
    if more > 0 and 0 in tags.get(_EXTRA, (0,)):
        raise ValueError(
            f"{more} of its bands are neither colours nor said to be transparency: save it with the 1 or 3 "
            "that are to be seen"
        )
    is_raw = any(part.codec_name == "raw" for part in file.tile)
    if is_raw and tags.get(_PLANAR) == _IN_PLANES and max(tags.get(_BITS, (8,))) > 8:
        raise ValueError("its 16 bits lie in a plane for each band: save it with the bands side by side")
