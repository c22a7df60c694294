"""The samples of a query as one contact sheet."""

from __future__ import annotations

from functools import cache
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from queryloop.errors import InputError
from queryloop.plots.palette import GREY, VERMILLION

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

TILES = 36
TILE = 96  # pixels of the longer side of an image

_COLUMNS = 9
_MARGIN, _GAP = 16, 18
_HEAD, _LINE = 56, 15
_CAPTION = 3 * _LINE + 6
_FRAME = 3
_CROSS = 8
_INK = "#222222"


def query_gallery(images: np.ndarray, captions: pd.DataFrame) -> Image.Image:
    """The best `TILES` samples asked for, best first; wrong predictions are framed and crossed.

    images: uint8 (n, H, W, C); of more than three channels the first three are shown, of two the first.
    captions: one row an image: sample_id, rank, score (may be null), predicted and label (null
    where not known).
    Raises InputError where the two differ in length.
    """
    if len(images) != len(captions):
        raise InputError(f"{len(images)} images do not fit {len(captions)} captions.")
    order = np.argsort(captions["rank"].to_numpy(), kind="stable")[:TILES]
    shown = captions.iloc[order]
    sheet = Image.new("RGB", _size(len(shown)), "white")
    draw = ImageDraw.Draw(sheet)
    _draw_head(draw, shown, len(captions))
    for number, (index, caption) in enumerate(zip(order, shown.itertuples(), strict=True)):
        row, column = divmod(number, _COLUMNS)
        x, y = _MARGIN + column * (TILE + _GAP), _HEAD + row * (TILE + _CAPTION + _GAP)
        _paste(sheet, tile(images[index]), x, y)
        _draw_caption(draw, caption, x, y)
    return sheet


def tile(image: np.ndarray) -> Image.Image:
    """One image, its longer side scaled to `TILE` pixels. image: uint8 (H, W, C)."""
    picture = Image.fromarray(image[..., :3] if image.shape[2] >= 3 else image[..., 0])
    longest = max(picture.size)
    # whole pixels first, then an area average: sharp squares of equal size, whatever the factor
    factor = ceil(TILE / longest)
    sharp = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    fitted = [max(1, round(side * TILE / longest)) for side in picture.size]
    return sharp.resize((fitted[0], fitted[1]), Image.Resampling.BOX)


def _size(n: int) -> tuple[int, int]:
    columns, rows = max(3, min(n, _COLUMNS)), ceil(n / _COLUMNS)
    width = 2 * _MARGIN + columns * (TILE + _GAP) - _GAP
    return width, _HEAD + rows * (TILE + _CAPTION + _GAP)


def _draw_head(draw: ImageDraw.ImageDraw, shown: pd.DataFrame, n_asked: int) -> None:
    if shown.empty:
        draw.text((_MARGIN, _MARGIN), "nothing is asked for", _INK, _font(15))
        return
    known = shown[shown["label"].notna()]
    wrong = int((known["predicted"] != known["label"]).sum())
    legend = (
        f"predicted -> true, {wrong} of {len(known)} wrong (framed, crossed)" if len(known) else "predicted"
    )
    draw.text((_MARGIN, 8), f"{len(shown)} of {n_asked} asked for", _INK, _font(15))
    draw.text((_MARGIN, 28), legend, _INK, _font(12))


def _paste(sheet: Image.Image, picture: Image.Image, x: int, y: int) -> None:
    sheet.paste(picture, (x + (TILE - picture.width) // 2, y + (TILE - picture.height) // 2))


def _draw_caption(draw: ImageDraw.ImageDraw, caption: Any, x: int, y: int) -> None:
    known = pd.notna(caption.label)
    wrong = known and caption.predicted != caption.label
    _draw_frame(draw, x, y, wrong)
    score = f"  {caption.score:.3g}" if pd.notna(caption.score) else ""
    lines = [f"#{caption.rank}{score}", caption.predicted, f"-> {caption.label}" if known else ""]
    for number, line in enumerate(lines):
        room = TILE - _CROSS - 4 if wrong and number == 0 else TILE
        draw.text((x, y + TILE + 4 + number * _LINE), _clipped(line, room), _INK, _font(12))
    if wrong:
        _draw_cross(draw, x + TILE - _CROSS, y + TILE + 9)


def _draw_frame(draw: ImageDraw.ImageDraw, x: int, y: int, wrong: bool) -> None:
    width = _FRAME if wrong else 1
    box = (x - width, y - width, x + TILE + width - 1, y + TILE + width - 1)
    draw.rectangle(box, outline=VERMILLION if wrong else GREY, width=width)


def _draw_cross(draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
    # drawn, for the bundled font has no such sign
    draw.line((x, y, x + _CROSS, y + _CROSS), VERMILLION, 2)
    draw.line((x, y + _CROSS, x + _CROSS, y), VERMILLION, 2)


def _clipped(text: str, room: int) -> str:
    font = _font(12)
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"


@cache
def _font(size: int) -> Font:
    return ImageFont.load_default(size)
