"""Every data set by name, and the fingerprint of what reading one of them gives."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from queryloop.errors import OptionsError, unknown
from queryloop.options import DataOptions
from queryloop.readers import batches, digits, droughtwatch, idx, parquet
from queryloop.readers.content import digest
from queryloop.readers.dataset import DataSet, Layout, common_folder, under

SCHEMA = 1
"""Rises when a reader gives other samples or pixels for the same files."""

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


def find(name: str, options: DataOptions | None = None) -> DataSet:
    """The data set of that name.

    Raises OptionsError with the nearest names, and for a value in `options` that it does not look at.
    """
    if name not in _BY_NAME:
        raise unknown("dataset", name, _BY_NAME)
    if options is not None:
        _check_taken(_BY_NAME[name], options)
    return _BY_NAME[name]


def fingerprint(dataset: DataSet, files: Sequence[Path], options: DataOptions) -> str:
    """16 hex digits that change with whatever changes the samples: contents, file names, options.

    The same wherever the folder lies, in whatever order the files come, for any number of workers
    and for any later split. Raises BrokenFileError for an unreadable file.
    """
    folder = common_folder(files)
    said = {
        "dataset": dataset.name,
        "schema": SCHEMA,
        "options": options.model_dump(mode="json", include=set(dataset.options)),
        "files": {path.relative_to(folder).as_posix(): digest(path) for path in files},
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _check_taken(dataset: DataSet, options: DataOptions) -> None:
    changed = options.model_dump(exclude_defaults=True)
    for option in sorted(changed.keys() - dataset.options):
        takers = [other.name for other in _DATASETS if option in other.options]
        if takers:
            raise OptionsError(
                f"data set {dataset.name!r} has no option data.{option} ({changed[option]!r} was given): "
                f"leave it out. Data sets that have it: {', '.join(takers)}."
            )


def _download(module: str, function: str, *arguments: str) -> Callable[[Path], str]:
    def remedy(raw_root: Path) -> str:
        given = ", ".join(argument.format(json.dumps(str(raw_root))) for argument in arguments)
        code = f"from {module} import {function}; {function}({given})"
        return (
            "If it lies in another folder, add --params=raw_root:PATH. "
            f"To download it: python -c {shlex.quote(code)}"
        )

    return remedy


def _torchvision(name: str) -> Callable[[Path], str]:
    return _download("torchvision.datasets", name, "{}", "download=True")


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
    DataSet(
        "droughtwatch",
        "classification",
        ("0", "1", "2", "3+"),
        (
            Layout(
                under(
                    "droughtwatch",
                    "droughtwatch_data",
                    "droughtwatch/droughtwatch_data",
                    "dw_train_86K_val_10K",
                    "dw_train_86K_val_10K/droughtwatch_data",
                ),
                droughtwatch.search,
                droughtwatch.read,
            ),
        ),
        _download(
            "torchvision.datasets.utils",
            "download_and_extract_archive",
            '"https://storage.googleapis.com/wandb_datasets/dw_train_86K_val_10K.zip"',
            "{}",
        ),
        options=frozenset({"bands", "binary"}),
    ),
)
_BY_NAME = {dataset.name: dataset for dataset in _DATASETS}
