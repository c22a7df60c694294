"""What the sheet of queried boxes and the overview show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from queryloop.boxes.box import Box
from queryloop.errors import InputError
from queryloop.plots import boxes as sheets
from queryloop.plots import overview
from queryloop.plots.boxes import planes_of, query_boxes
from queryloop.plots.overview import CASES, case_overview
from queryloop.plots.palette import LIGHT_BLUE, VERMILLION
from queryloop.plots.planes import ShownScan

from .scans import scan

CLASSES = ("background", "ball", "half")


def box(case: str = "a", z: int = 3, size: tuple[int, int, int] = (4, 5, 6)) -> Box:
    return Box(case, (z, 8, 12), size)


def captions(n: int, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"rank": np.arange(1, n + 1), "score": np.linspace(1, 0.5, n), **more})


def sheet(boxes: Sequence[Box], **more: object) -> Image.Image:
    return query_boxes(scan, boxes, captions(len(boxes), **more), CLASSES)


def block(picture: Image.Image, number: int) -> Image.Image:
    x, y = sheets._place(number)
    return picture.crop((x, y, x + sheets._BLOCK[0], y + sheets._BLOCK[1]))


def n_pixels(picture: Image.Image, color: str) -> int:
    wanted = list(bytes.fromhex(color[1:]))
    return int((np.asarray(picture) == wanted).all(axis=-1).sum())


def test_the_best_come_first_whatever_the_order_of_rows_and_cases() -> None:
    boxes = [box("a", 0), box("b", 1), box("a", 5)]
    rows = captions(3)
    forwards = query_boxes(scan, boxes, rows, CLASSES)
    backwards = query_boxes(scan, boxes[::-1], rows[::-1], CLASSES)
    assert forwards.tobytes() == backwards.tobytes()
    assert len({block(forwards, number).tobytes() for number in range(3)}) == 3


def test_each_case_is_asked_for_once() -> None:
    asked: list[str] = []

    def scans(case: str) -> ShownScan:
        asked.append(case)
        return scan(case)

    query_boxes(scans, [box("a", 0), box("b"), box("a", 5)], captions(3), CLASSES)
    assert asked == ["a", "b"]


def test_no_more_than_the_limit_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "BOXES", 5)
    sizes = [sheet([box()] * n).size for n in (1, 2, 3, 5, 9)]
    assert sizes[0][0] < sizes[1][0] == sizes[4][0]
    assert sizes[1][1] < sizes[2][1] < sizes[3][1] == sizes[4][1]


def test_planes_go_through_the_middle_of_the_box_at_one_scale() -> None:
    found = planes_of(scan(), box(z=3))
    assert [cut.at for cut in found] == [5, 10, 15]
    assert len({cut.scale for cut in found}) == 1
    assert max(side for cut in found for side in cut.size) == sheets.TILE


def test_of_a_large_case_the_surroundings_are_seen_in_millimetres() -> None:
    large = ShownScan(np.zeros((40, 200, 200), np.float32), (5, 1, 1))
    found = planes_of(large, Box("a", (20, 0, 190), (4, 10, 10)))[0].frame
    assert found.size == (12, 60, 60)
    assert found.corner == (16, 0, 140)


def test_a_box_is_never_cut_by_the_frame() -> None:
    thin = Box("a", (0, 0, 0), (1, 20, 30))
    assert planes_of(scan(), thin)[0].frame.size == (10, 20, 30)


def test_without_truth_there_is_neither_outline_nor_judgement() -> None:
    known = sheet([box()])
    unknown = query_boxes(lambda case: scan(case, truth=False), [box()], captions(1), CLASSES)
    assert known.size == unknown.size
    assert known.tobytes() != unknown.tobytes()
    assert sheets._wrong(scan(truth=False), box()) == ""
    predicted, truth = (part[box().slices] for part in (scan().predicted, scan().truth))  # type: ignore[index]
    assert sheets._wrong(scan(), box()) == f", {(predicted != truth).mean():.1%} predicted wrong"


def test_score_and_channel_may_be_missing() -> None:
    plain = sheet([box()])
    assert plain.tobytes() == sheet([box()], channel=-1).tobytes()
    assert plain.tobytes() != sheet([box()], channel=2).tobytes()
    query_boxes(scan, [box()], captions(1).assign(score=np.nan), CLASSES)


def test_nothing_asked_for_gives_a_small_picture() -> None:
    picture = sheet([])
    assert picture.height < sheets.TILE
    assert (np.asarray(picture) != 255).any()


def test_boxes_without_captions_are_refused() -> None:
    with pytest.raises(InputError, match="2 boxes do not fit 1 captions"):
        query_boxes(scan, [box(), box()], captions(1), CLASSES)


def test_the_overview_shows_labelled_and_queried_boxes() -> None:
    def colored(labelled: Sequence[Box], asked: Sequence[Box]) -> tuple[int, int]:
        picture = case_overview(lambda case: ShownScan(scan(case).image, (2, 1, 1)), labelled, asked, 9)
        cases = picture.crop((0, overview.HEAD, *picture.size))
        return n_pixels(cases, LIGHT_BLUE), n_pixels(cases, VERMILLION)

    labelled, none = colored([box()], [])
    assert labelled > 0 == none
    none, asked = colored([], [box()])
    assert asked > 0 == none
    both = colored([box("a", 0)], [box("a", 5, (4, 8, 8))])
    assert min(both) > 0


def test_the_overview_begins_with_the_cases_of_the_query_and_ends_with_its_limit() -> None:
    asked: list[str] = []

    def scans(case: str) -> ShownScan:
        asked.append(case)
        return scan()

    labelled = [box(f"case {number}") for number in range(CASES + 9)]
    picture = case_overview(scans, labelled, [box("case 30"), box("new")], 100)
    assert asked[:3] == ["case 30", "new", "case 0"]
    assert len(asked) == len(set(asked)) == CASES
    assert picture.width < 1300


def test_the_overview_of_no_boxes_is_small() -> None:
    assert case_overview(scan, [], [], 9).height < overview.TILE
