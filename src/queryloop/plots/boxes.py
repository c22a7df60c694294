"""The boxes of a query as one contact sheet: three planes of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from queryloop.boxes.box import Box, centred
from queryloop.boxes.candidates import PLAIN
from queryloop.errors import InputError
from queryloop.plots.planes import NAMES, SIDES, Cut, ShownScan, color_of, draw_box, drawn, window_of
from queryloop.plots.sheet import GAP, HEAD, INK, LINE, MARGIN, clipped, font
from queryloop.voxels import IGNORE, Triple

BOXES = 36
TILE = 160  # pixels of the longest side that is seen of a case

_COLUMNS = 2
_SEAM = 4
_BLOCK = (3 * TILE + 2 * _SEAM, TILE + 2 * LINE + 6)
_AROUND = 3  # times the longest side of the box is seen

Scans = Callable[[str], ShownScan]
"""What is drawn of a case."""


def query_boxes(
    scans: Scans, boxes: Sequence[Box], captions: pd.DataFrame, classes: Sequence[str]
) -> Image.Image:
    """The best `BOXES` of a query, best first: axial, coronal and sagittal plane through the middle of each.

    scans: asked once for each case that is shown. captions: one row a box: rank, score (may be null), and
    where the strategy has them, channel (number of the class by which the box was found, or PLAIN).
    classes: names, the background first. Raises InputError where boxes and captions differ in number.
    """
    if len(boxes) != len(captions):
        raise InputError(f"{len(boxes)} boxes do not fit {len(captions)} captions.")
    order = np.argsort(captions["rank"].to_numpy(), kind="stable")[:BOXES].tolist()
    sheet = Image.new("RGB", _size(len(order)), "white")
    draw = ImageDraw.Draw(sheet)
    rows = list(captions.itertuples())
    seen, signs = set[int](), set[str]()
    for case in dict.fromkeys(boxes[index].case for index in order):
        scan = scans(case)
        signs |= _signs(scan)
        for number, index in enumerate(order):
            if boxes[index].case == case:
                place = _place(number)
                seen |= _draw_planes(sheet, draw, scan, boxes[index], place)
                _draw_caption(draw, scan, boxes[index], rows[index], classes, place)
    _draw_head(draw, f"{len(order)} of {len(boxes)} boxes asked for", sorted(seen), classes, sorted(signs))
    return sheet


def _size(n: int) -> tuple[int, int]:
    columns, rows = max(1, min(n, _COLUMNS)), ceil(n / _COLUMNS)
    width = 2 * MARGIN + columns * (_BLOCK[0] + GAP) - GAP
    return width, HEAD + LINE + rows * (_BLOCK[1] + GAP)


def _place(number: int) -> tuple[int, int]:
    row, column = divmod(number, _COLUMNS)
    return MARGIN + column * (_BLOCK[0] + GAP), HEAD + LINE + row * (_BLOCK[1] + GAP)


def _draw_planes(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, scan: ShownScan, box: Box, place: tuple[int, int]
) -> set[int]:
    """Three planes side by side on black. Returns the classes that are seen."""
    x, y = place
    cuts = planes_of(scan, box)
    window = window_of(cuts)
    draw.rectangle((x, y, x + _BLOCK[0] - 1, y + TILE - 1), fill="black")
    for cut, (top, left) in zip(cuts, SIDES, strict=True):
        picture = drawn(cut, window)
        at = x + (TILE - picture.width) // 2, y + (TILE - picture.height) // 2
        sheet.paste(picture, at)
        draw_box(draw, cut, box, at, "white")
        for text, (right, down), anchor in ((top, (TILE // 2, 2), "mt"), (left, (3, TILE // 2), "lm")):
            draw.text(
                (x + right, y + down), text, "white", font(11), anchor, stroke_width=1, stroke_fill="black"
            )
        x += TILE + _SEAM
    return _classes(cuts)


def planes_of(scan: ShownScan, box: Box) -> list[Cut]:
    """The planes through the middle of a box, of a part of the case around it, all at one scale."""
    frame = _frame(scan, box)
    middle = _middle(box)
    scale = TILE / max(scan.extent(frame.size))
    return [Cut(scan, frame, axis, middle[axis], scale) for axis in range(3)]


def _frame(scan: ShownScan, box: Box) -> Box:
    """As many millimetres in each axis, `_AROUND` the box, or the whole case where that is less."""
    side = _AROUND * max(scan.extent(box.size))
    wanted = [ceil(side / step) for step in scan.spacing]
    z, y, x = (max(k, min(n, end)) for k, n, end in zip(box.size, wanted, scan.shape, strict=True))
    return centred(box.case, _middle(box), (z, y, x), scan.shape)


def _middle(box: Box) -> Triple:
    z, y, x = (first + length // 2 for first, length in zip(box.corner, box.size, strict=True))
    return z, y, x


def _classes(cuts: Sequence[Cut]) -> set[int]:
    maps = [array for array in (cuts[0].scan.predicted, cuts[0].scan.truth) if array is not None]
    return {int(c) for array in maps for cut in cuts for c in np.unique(cut.of(array))} - {0, IGNORE}


def _signs(scan: ShownScan) -> set[str]:
    """How what is known of a case is shown."""
    signs = {"filled: predicted": scan.predicted, "outlined: true": scan.truth}
    return {sign for sign, array in signs.items() if array is not None}


def _draw_caption(
    draw: ImageDraw.ImageDraw,
    scan: ShownScan,
    box: Box,
    caption: Any,
    classes: Sequence[str],
    place: tuple[int, int],
) -> None:
    x, y = place[0], place[1] + TILE + 4
    parts = [f"#{caption.rank}"]
    parts += [f"{caption.score:.3g}"] if pd.notna(caption.score) else []
    channel = getattr(caption, "channel", PLAIN)
    parts += [f"by {classes[channel]}"] if channel != PLAIN else []
    size = " x ".join(map(str, box.size))
    millimetres = " x ".join(f"{side:.3g}" for side in scan.extent(box.size))
    draw.text((x, y), clipped("  ".join([*parts, box.id]), _BLOCK[0]), INK, font(12))
    second = f"{size} voxels, {millimetres} mm{_wrong(scan, box)}"
    draw.text((x, y + LINE), clipped(second, _BLOCK[0]), INK, font(12))


def _wrong(scan: ShownScan, box: Box) -> str:
    """How much of the box is predicted wrong, where both are known."""
    if scan.predicted is None or scan.truth is None:
        return ""
    predicted, truth = scan.predicted[box.slices], scan.truth[box.slices]
    known = truth != IGNORE
    return f", {(predicted != truth)[known].mean():.1%} predicted wrong" if known.any() else ""


def _draw_head(
    draw: ImageDraw.ImageDraw, title: str, seen: Sequence[int], classes: Sequence[str], signs: Sequence[str]
) -> None:
    draw.text((MARGIN, 8), title, INK, font(15))
    x = MARGIN + _draw_keys(draw, seen, classes, (MARGIN, 30))
    draw.text((x, 30), ", ".join(signs), INK, font(12))
    planes = ", ".join(NAMES)
    draw.text((MARGIN, 30 + LINE), f"{planes}; A anterior, S superior, R right of the patient", INK, font(12))


def _draw_keys(
    draw: ImageDraw.ImageDraw, seen: Sequence[int], classes: Sequence[str], place: tuple[int, int]
) -> int:
    """A square of each class's colour and its name in a row. Returns the width."""
    x, y = place
    for c in seen:
        draw.rectangle((x, y + 2, x + 9, y + 11), fill=color_of(c))
        draw.text((x + 14, y), classes[c], INK, font(12))
        x += 14 + round(font(12).getlength(classes[c])) + 12
    return x - place[0]
