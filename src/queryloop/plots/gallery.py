"""The samples of a query as one contact sheet."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from queryloop.errors import InputError
from queryloop.plots.palette import GREY, VERMILLION
from queryloop.plots.sheet import GAP, HEAD, INK, LINE, MARGIN, clipped, font, sharp

TILE = 96  # pixels of the longer side of an image

_COLUMNS = 9
_CAPTION = 3 * LINE + 6
_FRAME = 3
_CROSS = 8


def query_gallery(images: np.ndarray, captions: pd.DataFrame, n_asked: int) -> Image.Image:
    """The first samples of a query, in the order given; wrong predictions are framed and crossed.

    images: uint8 (n, H, W, C); of more than three channels the first three are shown, of two the first.
    captions: one row an image: sample_id, rank, score (may be null), predicted and label (null
    where not known). n_asked: samples of the whole query.
    Raises InputError where the two differ in length.
    """
    if len(images) != len(captions):
        raise InputError(f"{len(images)} images do not fit {len(captions)} captions.")
    sheet = Image.new("RGB", _size(len(images)), "white")
    draw = ImageDraw.Draw(sheet)
    _draw_head(draw, captions, n_asked)
    for number, (image, caption) in enumerate(zip(images, captions.itertuples(), strict=True)):
        row, column = divmod(number, _COLUMNS)
        x, y = MARGIN + column * (TILE + GAP), HEAD + row * (TILE + _CAPTION + GAP)
        _paste(sheet, tile(image), x, y)
        _draw_caption(draw, caption, x, y)
    return sheet


def tile(image: np.ndarray) -> Image.Image:
    """One image, its longer side scaled to `TILE` pixels. image: uint8 (H, W, C)."""
    picture = Image.fromarray(image[..., :3] if image.shape[2] >= 3 else image[..., 0])
    longest = max(picture.size)
    width, height = (max(1, round(side * TILE / longest)) for side in picture.size)
    return sharp(picture, (width, height))


def _size(n: int) -> tuple[int, int]:
    columns, rows = max(3, min(n, _COLUMNS)), ceil(n / _COLUMNS)
    width = 2 * MARGIN + columns * (TILE + GAP) - GAP
    return width, HEAD + rows * (TILE + _CAPTION + GAP)


def _draw_head(draw: ImageDraw.ImageDraw, shown: pd.DataFrame, n_asked: int) -> None:
    if shown.empty:
        draw.text((MARGIN, MARGIN), "nothing is asked for", INK, font(15))
        return
    known = shown[shown["label"].notna()]
    wrong = int((known["predicted"] != known["label"]).sum())
    legend = (
        f"predicted -> true, {wrong} of {len(known)} wrong (framed, crossed)"
        if len(known)
        else "rank, score, and the class that is predicted"
    )
    draw.text((MARGIN, 8), f"{len(shown)} of {n_asked} asked for", INK, font(15))
    draw.text((MARGIN, 28), legend, INK, font(12))


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
        draw.text((x, y + TILE + 4 + number * LINE), clipped(line, room), INK, font(12))
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
