"""Every data set by name, and the fingerprint of what reading one of them gives."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from queryloop.errors import unknown
from queryloop.options import DataOptions
from queryloop.readers import batches, digits, idx, parquet
from queryloop.readers.content import digest
from queryloop.readers.dataset import DataSet, Layout, under

SCHEMA = 1
"""Rises when a reader gives other samples or pixels for the same files."""

_CHANGES_NO_SAMPLE = {"test", "validation", "transfer", "workers"}  # the split comes after reading

_NUMERALS = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def find(name: str) -> DataSet:
    """The data set of that name. Raises OptionsError with the nearest names."""
    if name not in _BY_NAME:
        raise unknown("dataset", name, _BY_NAME)
    return _BY_NAME[name]


def fingerprint(dataset: DataSet, files: Sequence[Path], options: DataOptions) -> str:
    """16 hex digits that change with whatever changes the samples: contents, file names, options.

    The same wherever the folder lies, in whatever order the files come, for any number of workers
    and for any later split. Raises BrokenFileError for an unreadable file.
    """
    folder = os.path.commonpath([path.parent for path in files])
    said = {
        "dataset": dataset.name,
        "schema": SCHEMA,
        "options": options.model_dump(mode="json", exclude=_CHANGES_NO_SAMPLE),
        "files": {path.relative_to(folder).as_posix(): digest(path) for path in files},
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _torchvision(name: str) -> Callable[[Path], str]:
    def remedy(raw_root: Path) -> str:
        code = f"from torchvision.datasets import {name}; {name}({json.dumps(str(raw_root))}, download=True)"
        return (
            "If it lies in another folder, add --params=raw_root:PATH. "
            f"To download it: python -c {shlex.quote(code)}"
        )

    return remedy


def _reinstall(_raw_root: Path) -> str:
    return "It is part of scikit-learn: pip install --force-reinstall scikit-learn"


_DATASETS = (
    DataSet(
        "digits",
        "classification",
        _NUMERALS,
        (Layout(digits.places, digits.search, digits.read),),
        _reinstall,
    ),
    DataSet(
        "mnist",
        "classification",
        _NUMERALS,
        (Layout(under("mnist", "MNIST/raw", "mnist/MNIST/raw"), idx.search, idx.read),),
        _torchvision("MNIST"),
    ),
    DataSet(
        "fashion_mnist",
        "classification",
        _CLOTHES,
        (
            Layout(
                under("fashion-mnist", "FashionMNIST/raw", "fashion-mnist/FashionMNIST/raw"),
                idx.search,
                idx.read,
            ),
        ),
        _torchvision("FashionMNIST"),
    ),
    DataSet(
        "cifar10",
        "classification",
        _CIFAR10,
        (
            Layout(under("cifar10", "cifar10/plain_text"), parquet.search, parquet.read),
            Layout(
                under("cifar10/cifar-10-batches-py", "cifar-10-batches-py"),
                batches.search,
                batches.read,
            ),
        ),
        _torchvision("CIFAR10"),
    ),
)
_BY_NAME = {dataset.name: dataset for dataset in _DATASETS}
