"""Parquet in the image layout of Hugging Face: column img = {bytes, path}, and an integer of labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from queryloop.errors import BrokenFileError
from queryloop.options import DataOptions
from queryloop.readers.content import refusing
from queryloop.readers.dataset import Found, Source
from queryloop.readers.images import ImageSet, Part, Shape, joined
from queryloop.readers.unreadable import Tried, stacked, tried

if TYPE_CHECKING:  # slow to import, and only needed where a data set is Parquet
    import pyarrow as pa
    from PIL import Image

_BLOCK = 4096  # rows in memory at a time
_CHUNK = 256  # rows a thread decodes at a time: one small image is less work than handing it over

Record = tuple[int, bytes]
"""Row number in its file, and the packed image."""


def search(folder: Path) -> Found:
    """All shards of both splits (`train-00000-of-00002.parquet`), in their order.

    Raises BrokenFileError where a split is there twice, in other numbers of shards.
    """
    there = {path.name for path in folder.glob("*.parquet")}
    names = [name for split in ("train", "test") for name in _shards(folder, split, there)]
    return [name for name in names if name in there], [name for name in names if name not in there]


def read(source: Source, classes: Sequence[str], options: DataOptions, labels: str = "label") -> ImageSet:
    """The images of a source, as RGB, and the labels of its column `labels`. Raises BrokenFileError."""
    numbers = [_labels(path, labels) for path in source.files]
    shape = _first_shape(source.files[0])
    parts = [
        Part(path, path.name.split("-")[0], found, partial(_blocks, path, shape, options.workers))
        for path, found in zip(source.files, numbers, strict=True)
    ]
    return joined(parts, shape, classes)


def _shards(folder: Path, split: str, there: Iterable[str]) -> list[str]:
    found = [re.fullmatch(rf"{split}-\d{{5}}-of-(\d{{5}})\.parquet", name) for name in there]
    totals = sorted({int(match[1]) for match in found if match} - {0}) or [1]
    if len(totals) > 1:
        raise BrokenFileError(
            f"{folder}: holds {split} in {' and in '.join(map(str, totals))} parts, the same images in each: "
            "leave the files of one."
        )
    return [f"{split}-{i:05d}-of-{totals[0]:05d}.parquet" for i in range(totals[0])]


def _labels(path: Path, column: str) -> np.ndarray:
    import pyarrow.parquet as pq

    with refusing(path, "is not a readable Parquet file"), pq.ParquetFile(path) as file:
        _check_columns(path, file.schema_arrow, column)
        return file.read(columns=[column])[column].to_numpy()


def _check_columns(path: Path, schema: pa.Schema, column: str) -> None:
    import pyarrow as pa

    found = {field.name: field.type for field in schema}
    image, label = found.get("img", pa.null()), found.get(column, pa.null())
    packed = pa.types.is_struct(image) and image.get_field_index("bytes") >= 0
    if not (packed and pa.types.is_integer(label)):
        columns = ", ".join(f"{name} ({kind})" for name, kind in found.items())
        raise BrokenFileError(
            f"{path}: expected the columns img (struct with bytes) and {column} (integer), found {columns}."
        )


def _records(path: Path) -> Iterator[Record]:
    import pyarrow.parquet as pq

    row = 0
    with refusing(path, "is not a readable Parquet file"), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BLOCK, columns=["img.bytes"]):
            images = batch.column(0).flatten()[0].to_pylist()
            yield from enumerate(images, start=row)
            row += len(images)


def _first_shape(path: Path) -> Shape:
    for record in _records(path):
        width, height = _opened(path, record).size
        return height, width, 3
    raise BrokenFileError(f"{path}: holds no records.")


def _blocks(path: Path, shape: Shape, workers: int) -> Iterator[np.ndarray]:
    yield from stacked(_decoded(path, shape, workers), "Copy or download the file anew.")


def _decoded(path: Path, shape: Shape, workers: int) -> Iterator[list[Tried]]:
    records, decode = _records(path), partial(tried, _pixels, path, shape)
    with ThreadPoolExecutor(workers) as pool:
        while block := list(islice(records, _BLOCK)):
            chunks = [block[start : start + _CHUNK] for start in range(0, len(block), _CHUNK)]
            yield list(chain.from_iterable(pool.map(lambda chunk: list(map(decode, chunk)), chunks)))


def _pixels(path: Path, shape: Shape, record: Record) -> np.ndarray:
    image = _opened(path, record)
    if (image.height, image.width) != shape[:2]:
        raise BrokenFileError(
            f"{path}: the image of row {record[0]} is {image.height}x{image.width}, "
            f"but the first one is {shape[0]}x{shape[1]} (height x width)."
        )
    with refusing(path, f"the image of row {record[0]} cannot be decoded"):
        return np.asarray(image.convert("RGB"))


def _opened(path: Path, record: Record) -> Image.Image:
    from PIL import Image

    row, packed = record
    with refusing(path, f"row {row} holds no JPEG or PNG image"):
        return Image.open(BytesIO(packed), formats=("JPEG", "PNG"))
