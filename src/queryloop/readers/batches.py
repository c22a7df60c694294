"""The original CIFAR batches: pickles of Python 2, read without executing what they ask for."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from queryloop.errors import BrokenFileError
from queryloop.options import DataOptions
from queryloop.readers.content import contents, refusing
from queryloop.readers.dataset import Source, named
from queryloop.readers.images import ImageSet, Part, joined

_CHANNELS, _SIDE = 3, 32
_VALUES = _CHANNELS * _SIDE * _SIDE

CIFAR10 = named(*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
CIFAR100 = named("train", "test")


def read(source: Source, classes: Sequence[str], _options: DataOptions, labels: str = "labels") -> ImageSet:
    """The images of a source, and the labels that its batches keep as `labels`. Raises BrokenFileError."""
    return joined([_part(path, labels) for path in source.files], (_SIDE, _SIDE, _CHANNELS), classes)


class _Dtype:
    """Stands for numpy.dtype; its state (byte order, fields) says nothing about single bytes."""

    def __init__(self, code: str | bytes, *_flags: object) -> None:
        self.code = code

    def __setstate__(self, _state: object) -> None: ...


class _Array:
    """Stands for numpy.ndarray and its _reconstruct: keeps the state, computes nothing."""

    def __init__(self, *_arguments: object) -> None: ...

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, self.shape, self.dtype, self.fortran, self.raw = state

    def pixels(self) -> np.ndarray:
        if self.dtype.code not in (b"u1", "u1"):
            raise TypeError(f"array of {self.dtype.code!r}, expected u1")
        return np.frombuffer(self.raw, np.uint8).reshape(self.shape, order="F" if self.fortran else "C")


def _latin1(text: str, _encoding: str) -> bytes:
    """Stands for _codecs.encode, which Python 3 writes for bytes in protocol 2."""
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _latin1,
}


class _Reader(pickle.Unpickler):
    def __init__(self, path: Path, stream: BytesIO) -> None:
        super().__init__(stream, encoding="bytes")
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in of an allowed name. Raises BrokenFileError for any other."""
        if (module, name) not in _ALLOWED:
            raise BrokenFileError(
                f"{self._path}: asks for {module}.{name}, which no CIFAR batch needs; "
                "nothing of it was executed. Download the file anew from its original source."
            )
        return _ALLOWED[module, name]


def _part(path: Path, kept_as: str) -> Part:
    stream = BytesIO(contents(path))
    with refusing(path, "is not a CIFAR batch"):
        batch = _Reader(path, stream).load()
        entries = {key.decode() if isinstance(key, bytes) else key: batch[key] for key in batch}
        pixels, labels = entries["data"].pixels(), np.array(entries[kept_as])
    if stream.read(1):
        raise BrokenFileError(f"{path}: trailing bytes after the batch.")
    _check(path, pixels, labels)
    split = "test" if path.name.startswith("test") else "train"
    return Part(path, split, labels, partial(_images, pixels))


def _check(path: Path, pixels: np.ndarray, labels: np.ndarray) -> None:
    if pixels.ndim != 2 or pixels.shape[1] != _VALUES:
        raise BrokenFileError(f"{path}: data is {pixels.shape}, expected (n, {_VALUES}).")
    if labels.shape != (len(pixels),):
        raise BrokenFileError(f"{path}: holds {len(pixels)} images, {labels.size} labels.")
    if labels.dtype.kind not in "iuf":
        raise BrokenFileError(f"{path}: labels are not numbers.")


def _images(pixels: np.ndarray) -> Iterator[np.ndarray]:
    planes = pixels.reshape(-1, _CHANNELS, _SIDE, _SIDE)
    yield np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
