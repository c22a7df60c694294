"""Planes of a 3D scan as pictures: in millimetres, seen as radiologists do, labels in colour upon them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import binary_erosion

from queryloop.boxes.box import Box
from queryloop.plots.palette import PALETTE
from queryloop.plots.sheet import sharp
from queryloop.tasks.segmentation.shown import ShownScan
from queryloop.voxels import IGNORE

AXIAL, CORONAL, SAGITTAL = 0, 1, 2  # the axis of (z, y, x) that a plane is across
NAMES = ("axial", "coronal", "sagittal")
SIDES = (("A", "R"), ("S", "R"), ("S", "A"))
"""What lies at the top and at the left of each plane: anterior, superior, or the right of the patient."""

_DARKEST, _BRIGHTEST = 0.5, 99.5  # percentiles
_FILL = 0.4  # of the colour, where a class is predicted
_OUTLINE = 2  # pixels


class Cut(NamedTuple):
    """A plane of a scan: the part of it inside of `frame`, across `axis` at voxel `at`.

    scale: pixels in a millimetre.
    """

    scan: ShownScan
    frame: Box
    axis: int
    at: int
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = (self._pixels(axis, self.frame.size[axis]) for axis in self._axes)
        return max(1, round(width)), max(1, round(height))

    def of(self, array: np.ndarray) -> np.ndarray:
        """The plane of an array (Z, Y, X), its top and left where `SIDES` says."""
        index: list[slice | int] = list(self.frame.slices)
        index[self.axis] = self.at
        return np.asarray(array[tuple(index)])[::-1, ::-1]

    def rectangle(self, box: Box) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of a box in pixels."""
        stop = self.frame.stop
        top, left = (self._pixels(axis, stop[axis] - box.stop[axis]) for axis in self._axes)
        bottom, right = (self._pixels(axis, stop[axis] - box.corner[axis]) for axis in self._axes)
        return left, top, right, bottom

    @property
    def _axes(self) -> tuple[int, int]:
        down, right = (axis for axis in range(3) if axis != self.axis)
        return down, right

    def _pixels(self, axis: int, voxels: int) -> float:
        return voxels * self.scan.spacing[axis] * self.scale


def color_of(c: int) -> str:
    """The colour of a foreground class; they repeat after six."""
    return PALETTE[(c - 1) % len(PALETTE)]


def drawn(cut: Cut, window: tuple[float, float]) -> Image.Image:
    """The image in grey, what is predicted filled with colour, what is true as an outline.

    window: the values that are black and white.
    """
    grey = np.clip((cut.of(cut.scan.image) - window[0]) / (window[1] - window[0]), 0, 1) * 255
    plane = np.repeat(grey[..., None], 3, axis=2)
    if cut.scan.predicted is not None:
        _fill(plane, cut.of(cut.scan.predicted))
    picture = sharp(Image.fromarray(plane.round().astype(np.uint8)), cut.size)
    return picture if cut.scan.truth is None else _outlined(picture, cut.of(cut.scan.truth))


def window_of(cuts: Sequence[Cut]) -> tuple[float, float]:
    """Darkest and brightest value of some planes, a few outliers apart."""
    values = np.concatenate([cut.of(cut.scan.image).ravel() for cut in cuts])
    low, high = np.percentile(values, (_DARKEST, _BRIGHTEST))
    return float(low), float(max(high, np.nextafter(low, np.inf)))


def draw_box(draw: ImageDraw.ImageDraw, cut: Cut, box: Box, place: tuple[int, int], color: str) -> None:
    """The sides of a box over its plane, which lies at `place`; a dark line around them, for any ground."""
    x, y = place
    left, top, right, bottom = (round(at) for at in cut.rectangle(box))
    draw.rectangle((x + left - 1, y + top - 1, x + right, y + bottom), outline="black")
    draw.rectangle((x + left, y + top, x + right - 1, y + bottom - 1), outline=color, width=2)


def _fill(plane: np.ndarray, labels: np.ndarray) -> None:
    for c in _foreground(labels):
        here = labels == c
        plane[here] = (1 - _FILL) * plane[here] + _FILL * np.array(_rgb(color_of(c)))


def _outlined(picture: Image.Image, labels: np.ndarray) -> Image.Image:
    large = np.asarray(Image.fromarray(labels).resize(picture.size, Image.Resampling.NEAREST))
    pixels = np.array(picture)
    for c in _foreground(large):
        here = large == c
        pixels[here & ~binary_erosion(here, iterations=_OUTLINE, border_value=1)] = _rgb(color_of(c))
    return Image.fromarray(pixels)


def _foreground(labels: np.ndarray) -> list[int]:
    return [c for c in np.unique(labels).tolist() if c not in (0, IGNORE)]


def _rgb(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue
