"""The digits that lie inside scikit-learn: gzipped CSV, 64 values of 0..16 and the label a line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import numpy as np

from queryloop.errors import BrokenFileError
from queryloop.options import DataOptions
from queryloop.readers.content import contents, refusing
from queryloop.readers.dataset import Source, named
from queryloop.readers.images import ImageSet, Part, joined

_SIDE = 8
_WHITE = 16

search = named("digits.csv.gz")


def places(_raw_root: Path) -> list[Path]:
    """The data folder of the installed scikit-learn, found without the cost of importing it."""
    spec = find_spec("sklearn")
    folders = spec.submodule_search_locations if spec else None
    return [Path(folder) / "datasets" / "data" for folder in folders or ()]


def read(source: Source, classes: Sequence[str], _options: DataOptions) -> ImageSet:
    """All digits as 8x8 images of 0..255, without a test split. Raises BrokenFileError."""
    (path,) = source.files
    values = _values(path)
    pixels = np.rint(values[:, :-1] * (255 / _WHITE)).astype(np.uint8)
    images = pixels.reshape(-1, _SIDE, _SIDE, 1)
    part = Part(path, "train", values[:, -1], partial(iter, (images,)))
    return joined([part], (_SIDE, _SIDE, 1), classes)


def _values(path: Path) -> np.ndarray:
    with refusing(path, "is not a table of numbers"):
        text = contents(path).decode("ascii")
        if not text.strip():
            raise BrokenFileError(f"{path}: holds no records.")
        values = np.loadtxt(StringIO(text), delimiter=",", comments=None, ndmin=2)
    if values.shape[1] != _SIDE**2 + 1:
        raise BrokenFileError(f"{path}: has {values.shape[1]} columns, expected {_SIDE**2 + 1}.")
    inside = (values[:, :-1] >= 0) & (values[:, :-1] <= _WHITE)
    if not inside.all():
        row, column = np.argwhere(~inside)[0]
        raise BrokenFileError(f"{path}: record {row} has {values[row, column]}, expected 0..{_WHITE}.")
    return values
