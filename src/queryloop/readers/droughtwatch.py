"""Drought watch: Landsat images of pastures in Kenya and how many cows each can feed, as TFRecord files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from queryloop.errors import BrokenFileError, examples
from queryloop.options import DataOptions
from queryloop.progress import ProgressBar
from queryloop.readers.content import refusing
from queryloop.readers.dataset import Found, Source
from queryloop.readers.example import Message, features, one_bytes, one_int
from queryloop.readers.images import ImageSet, Part, joined
from queryloop.readers.tfrecord import records

logger = logging.getLogger(__name__)

_SIDE = 65
_VISIBLE = ["B4", "B3", "B2"]
# red, green and blue first: of many channels pictures show the first three
_BANDS = {"all": [*_VISIBLE, "B1", *(f"B{i}" for i in range(5, 12))], "rgb": _VISIBLE}
_SPLITS = {"train": "train", "val": "test"}  # what is called val is all that is labelled beside train
_FEEDS_ANY = ("0", "1+", "1+", "1+")
_LONGEST = 1 << 20  # bytes of a record: eleven bands have 47 kB
_BLOCK = 256  # records in memory at a time


def search(folder: Path) -> Found:
    """All files of both parts (`train/part-r-00000`), each part in the order of their numbers."""
    found = {part: sorted((folder / part).glob("part-r-[0-9][0-9][0-9][0-9][0-9]")) for part in _SPLITS}
    missing = [f"{part}/part-r-*" for part, files in found.items() if not files]
    return [f"{part}/{path.name}" for part, files in found.items() for path in files], missing


def read(source: Source, classes: Sequence[str], options: DataOptions) -> ImageSet:
    """The images, 65x65 of the bands asked for, and labels of a source. Raises BrokenFileError."""
    bands = _BANDS[options.bands]
    _tell_gaps(source.files)
    parts = []
    with ProgressBar("reading labels", len(source.files)) as bar:
        for path in source.files:
            blocks = partial(_blocks, path, bands)
            parts.append(Part(path, _SPLITS[path.parent.name], _labels(path), blocks))
            bar.advance()
    return joined(parts, (_SIDE, _SIDE, len(bands)), _FEEDS_ANY if options.binary else classes)


def _tell_gaps(files: Sequence[Path]) -> None:
    """Warn of numbers that are left out, as the files may have been lost on the way."""
    for part in _SPLITS:
        there = {int(path.name[-5:]) for path in files if path.parent.name == part}
        gaps = [f"{part}/part-r-{n:05}" for n in range(max(there)) if n not in there]
        if gaps:
            logger.warning("%s: not there, though later parts are; were they lost?", examples(gaps))


def _labels(path: Path) -> np.ndarray:
    return np.array([_label(path, i, payload) for i, payload in enumerate(records(path, _LONGEST))])


def _label(path: Path, record: int, payload: bytes) -> int:
    with refusing(path, f"the label of record {record} cannot be read"):
        return one_int(features(payload), "label")


def _blocks(path: Path, bands: Sequence[str]) -> Iterator[np.ndarray]:
    planes = (_planes(path, i, payload, bands) for i, payload in enumerate(records(path, _LONGEST)))
    while block := list(islice(planes, _BLOCK)):
        images = np.stack(block).reshape(-1, len(bands), _SIDE, _SIDE)
        yield np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def _planes(path: Path, record: int, payload: bytes, bands: Sequence[str]) -> np.ndarray:
    with refusing(path, f"record {record} is no tf.train.Example"):
        found = features(payload)
    return np.stack([_plane(path, f"band {band} of record {record}", found, band) for band in bands])


def _plane(path: Path, what: str, found: Mapping[str, Message], band: str) -> np.ndarray:
    with refusing(path, f"{what} cannot be read"):
        values = one_bytes(found, band)
    if len(values) != _SIDE**2:
        raise BrokenFileError(
            f"{path}: {what} has {len(values)} bytes, expected {_SIDE**2}: download it anew."
        )
    return np.frombuffer(values, np.uint8)
