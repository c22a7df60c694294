"""Where in the cases the labelled boxes lie, and those of the query."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from PIL import Image, ImageDraw

from queryloop.boxes.box import Box
from queryloop.plots.boxes import Scans
from queryloop.plots.palette import LIGHT_BLUE, VERMILLION
from queryloop.plots.planes import Cut, ShownScan, draw_box, drawn, window_of
from queryloop.plots.sheet import GAP, HEAD, INK, LINE, MARGIN, clipped, font

CASES = 48
TILE = 150  # pixels of the longest side of a case

_COLUMNS = 6
_STRIP = 22  # pixels, beside the plane: the axis that the plane is across
_BLOCK = (TILE + _STRIP, TILE + 2 * LINE + 6)
_LABELLED, _ASKED = LIGHT_BLUE, VERMILLION
_TRACK = "#E8E8E8"


def case_overview(scans: Scans, labelled: Sequence[Box], asked: Sequence[Box], n_cases: int) -> Image.Image:
    """The cases with boxes, those of the query first: a plane of each, all boxes projected upon it.

    The plane is the largest of the first case; it goes through the best box of the query, else through the
    first labelled one. The strip beside it shows which part of the third axis each box takes. labelled:
    all boxes so far. asked: the query, best first. n_cases: of the whole pool. scans: asked once for each
    of the `CASES` that are shown.
    """
    cases = list(dict.fromkeys(box.case for box in [*asked, *labelled]))
    shown = cases[:CASES]
    sheet = Image.new("RGB", _size(len(shown)), "white")
    draw = ImageDraw.Draw(sheet)
    _draw_head(draw, labelled, asked, n_cases, len(cases) - len(shown))
    ranks = {box: rank for rank, box in enumerate(asked, start=1)}
    axis = None
    for number, case in enumerate(shown):
        scan = scans(case)
        axis = shortest(scan) if axis is None else axis
        row, column = divmod(number, _COLUMNS)
        place = MARGIN + column * (_BLOCK[0] + GAP), HEAD + row * (_BLOCK[1] + GAP)
        own = [box for box in labelled if box.case == case]
        new = {box: rank for box, rank in ranks.items() if box.case == case}
        _draw_case(sheet, draw, plane(scan, [*new, *own][0], axis), own, new, place)
        _draw_caption(draw, case, len(own), len(new), place)
    return sheet


def _size(n: int) -> tuple[int, int]:
    columns, rows = max(3, min(n, _COLUMNS)), ceil(n / _COLUMNS)
    return 2 * MARGIN + columns * (_BLOCK[0] + GAP) - GAP, HEAD + rows * (_BLOCK[1] + GAP)


def _draw_head(
    draw: ImageDraw.ImageDraw, labelled: Sequence[Box], asked: Sequence[Box], n_cases: int, hidden: int
) -> None:
    title = (
        f"{_told(labelled)} labelled, {_told(asked)} asked for, of {n_cases} in all"
        f"{f'; {hidden} more cases are not shown' if hidden else ''}"
    )
    draw.text((MARGIN, 8), title, INK, font(15))
    x = MARGIN
    for color, name in ((_ASKED, "asked for, with its rank"), (_LABELLED, "labelled")):
        draw.rectangle((x, 31, x + 10, 41), outline=color, width=2)
        draw.text((x + 16, 29), name, INK, font(12))
        x += 16 + round(font(12).getlength(name)) + 14
    draw.text((x, 29), "strip: the same boxes across the plane", INK, font(12))


def _told(boxes: Sequence[Box]) -> str:
    n, n_cases = len(boxes), len({box.case for box in boxes})
    return f"{n} box{'es' * (n != 1)} in {n_cases} case{'s' * (n_cases != 1)}"


def _draw_case(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    cut: Cut,
    own: Sequence[Box],
    new: dict[Box, int],
    place: tuple[int, int],
) -> None:
    x, y = place
    picture = drawn(cut, window_of([cut]))
    draw.rectangle((x, y, x + TILE - 1, y + TILE - 1), fill="black")
    at = x + (TILE - picture.width) // 2, y + (TILE - picture.height) // 2
    sheet.paste(picture, at)
    draw.rectangle((x + TILE + 4, y, x + _BLOCK[0] - 1, y + TILE - 1), fill=_TRACK)
    for box in own:
        draw_box(draw, cut, box, at, _LABELLED)
        _draw_depth(draw, cut, box, place, 0, _LABELLED)
    for box, rank in reversed(new.items()):
        draw_box(draw, cut, box, at, _ASKED)
        _draw_depth(draw, cut, box, place, 1, _ASKED)
        left, top, *_ = cut.rectangle(box)
        where = at[0] + round(left) + 5, at[1] + round(top) + 4
        draw.text(where, str(rank), "white", font(12), stroke_width=2, stroke_fill="black")


def shortest(scan: ShownScan) -> int:
    """The axis in which a case is shortest: the plane across it is the largest."""
    lengths = scan.extent(scan.shape)
    return lengths.index(min(lengths))


def plane(scan: ShownScan, box: Box, axis: int) -> Cut:
    """The whole plane through the middle of a box."""
    whole = Box(box.case, (0, 0, 0), scan.shape)
    middle = box.corner[axis] + box.size[axis] // 2
    sides = [length for other, length in enumerate(scan.extent(scan.shape)) if other != axis]
    return Cut(scan, whole, axis, middle, TILE / max(sides))


def _draw_depth(
    draw: ImageDraw.ImageDraw, cut: Cut, box: Box, place: tuple[int, int], lane: int, color: str
) -> None:
    """What the box takes of the axis across the plane, its first voxel at the bottom."""
    x, y = place[0] + TILE + 6 + lane * 8, place[1]
    length = cut.scan.shape[cut.axis]
    top, bottom = ((1 - end / length) * (TILE - 1) for end in (box.stop[cut.axis], box.corner[cut.axis]))
    draw.rectangle((x, y + round(top), x + 6, y + round(bottom)), outline=color)


def _draw_caption(
    draw: ImageDraw.ImageDraw, case: str, n_labelled: int, n_asked: int, place: tuple[int, int]
) -> None:
    x, y = place[0], place[1] + TILE + 4
    draw.text((x, y), clipped(case, _BLOCK[0]), INK, font(12))
    draw.text((x, y + LINE), f"{n_labelled} labelled, {n_asked} asked for", INK, font(12))
