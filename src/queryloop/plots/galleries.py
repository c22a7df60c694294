"""The picture of a query for each task."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from queryloop.plots.boxes import query_boxes
from queryloop.plots.gallery import query_gallery
from queryloop.plots.overview import case_overview
from queryloop.tasks.segmentation.shown import Shown


def box_gallery(*parts: object) -> Image.Image:
    """The boxes of a query in three planes each, and below them the cases with all boxes so far."""
    shown = Shown(*parts)  # type: ignore[arg-type]
    boxes = query_boxes(shown.predicted, shown.asked, shown.captions, shown.classes)
    cases = case_overview(shown.plain, shown.labelled, shown.asked, shown.n_cases)
    sheet = Image.new("RGB", (max(boxes.width, cases.width), boxes.height + cases.height), "white")
    sheet.paste(boxes, (0, 0))
    sheet.paste(cases, (0, boxes.height))
    return sheet


GALLERIES: dict[str, Callable[..., Image.Image]] = {
    "classification": query_gallery,
    "segmentation": box_gallery,
}
"""By the name of the task, from what its `shown` gives."""
