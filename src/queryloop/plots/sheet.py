"""What pictures of a query have in common: letters, and small images made large."""

from __future__ import annotations

from functools import cache
from math import ceil

from PIL import Image, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

MARGIN, GAP = 16, 18
HEAD, LINE = 56, 15
INK = "#222222"


@cache
def font(size: int) -> Font:
    """The bundled one."""
    return ImageFont.load_default(size)


def clipped(text: str, room: int) -> str:
    """The text, its end cut off where it is wider than this many pixels."""
    letters = font(12)
    if letters.getlength(text) <= room:
        return text
    while text and letters.getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"


def sharp(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture scaled to (width, height), every pixel a rectangle of equal size, whatever the factor."""
    # whole pixels first, then an area average
    width, height = (ceil(wanted / given) * given for wanted, given in zip(size, picture.size, strict=True))
    return picture.resize((width, height), Image.Resampling.NEAREST).resize(size, Image.Resampling.BOX)
