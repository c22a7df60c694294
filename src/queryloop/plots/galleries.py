"""The picture of a query for each task."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from queryloop.plots.gallery import query_gallery

GALLERIES: dict[str, Callable[..., Image.Image]] = {"classification": query_gallery}
"""By the name of the task, from what its `shown` gives."""
