"""Every data set by name, and the fingerprint of what reading one of them gives."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from queryloop.errors import OptionsError, unknown
from queryloop.options import DataOptions
from queryloop.progress import ProgressBar
from queryloop.readers import batches, classes, digits, folder, idx, parquet
from queryloop.readers.content import digest
from queryloop.readers.dataset import DataSet, Layout, Source, under
from queryloop.readers.folder import Table
from queryloop.readers.threads import in_threads

SCHEMA = 1
"""Rises when a reader gives other samples or pixels for the same files."""


def find(name: str, options: DataOptions | None = None) -> DataSet:
    """The data set of that name.

    Raises OptionsError with the nearest names, and for a value in `options` that it does not look at.
    """
    if name not in _BY_NAME:
        raise unknown("dataset", name, _BY_NAME)
    if options is not None:
        _check_taken(_BY_NAME[name], options)
    return _BY_NAME[name]


def fingerprint(dataset: DataSet, source: Source, options: DataOptions) -> str:
    """16 hex digits that change with whatever changes the samples: contents, file names, options.

    The same wherever the folder lies, in whatever order the files come, for any number of workers
    and for any later split. Raises BrokenFileError for an unreadable file.
    """
    names = [path.relative_to(source.folder).as_posix() for path in source.files]
    said = {
        "dataset": dataset.name,
        "schema": SCHEMA,
        "options": options.model_dump(mode="json", include=set(dataset.options)),
        "files": dict(zip(names, _digests(source.files, options.workers), strict=True)),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _digests(files: Sequence[Path], workers: int) -> list[str]:
    found: list[str] = []
    with ProgressBar("comparing files", len(files)) as bar:
        for block in in_threads(digest, files, workers, 4096):
            found += block
            bar.advance(len(block))
    return found


def _check_taken(dataset: DataSet, options: DataOptions) -> None:
    changed = options.model_dump(exclude_defaults=True)
    for option in sorted(changed.keys() - dataset.options):
        takers = [other.name for other in _DATASETS if option in other.options]
        if takers:
            raise OptionsError(
                f"data set {dataset.name!r} has no option data.{option} ({changed[option]!r} was given): "
                f"leave it out. Data sets that have it: {', '.join(takers)}."
            )


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


def _own(_raw_root: Path) -> str:
    return (
        "Say with --params=raw_root:PATH where it lies: PATH/<class>/<image>, or a table labels.csv "
        "(columns file and label) beside the images."
    )


def _deepweeds(_raw_root: Path) -> str:
    return (
        "If it lies in another folder, add --params=raw_root:PATH. It is at "
        "https://github.com/AlexOlsen/DeepWeeds: put labels.csv into deepweeds/, and the content of "
        "images.zip into deepweeds/images/."
    )


def _cassava(raw_root: Path) -> str:
    place = shlex.quote(str(raw_root / "cassava"))
    name = "cassava-leaf-disease-classification"
    return (
        "If it lies in another folder, add --params=raw_root:PATH. To download it, with an account at "
        f"Kaggle: kaggle competitions download -c {name} -p {place} && unzip -d {place} {place}/{name}.zip"
    )


_OF_FOLDERS = frozenset({"image_size", "channels", "on_error"})


def _tabled(name: str, of: tuple[str, ...], table: Table, remedy: Callable[[Path], str]) -> DataSet:
    layout = Layout(under(name), table.search, table.read)
    return DataSet(name, "classification", of, (layout,), remedy, options=_OF_FOLDERS)


_DATASETS = (
    DataSet(
        "digits",
        "classification",
        classes.NUMERALS,
        (Layout(digits.places, digits.search, digits.read),),
        _reinstall,
    ),
    DataSet(
        "mnist",
        "classification",
        classes.NUMERALS,
        (Layout(under("mnist", "MNIST/raw", "mnist/MNIST/raw"), idx.search, idx.read),),
        _torchvision("MNIST"),
    ),
    DataSet(
        "fashion_mnist",
        "classification",
        classes.CLOTHES,
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
        classes.CIFAR10,
        (
            Layout(under("cifar10", "cifar10/plain_text"), parquet.search, parquet.read),
            Layout(
                under("cifar10/cifar-10-batches-py", "cifar-10-batches-py"),
                batches.CIFAR10,
                batches.read,
            ),
        ),
        _torchvision("CIFAR10"),
    ),
    DataSet(
        "cifar100",
        "classification",
        classes.CIFAR100,
        (
            Layout(
                under("cifar100", "cifar100/cifar100"),
                parquet.search,
                partial(parquet.read, labels="fine_label"),
            ),
            Layout(
                under("cifar100/cifar-100-python", "cifar-100-python"),
                batches.CIFAR100,
                partial(batches.read, labels="fine_labels"),
            ),
        ),
        _torchvision("CIFAR100"),
    ),
    DataSet(
        "image_folder",
        "classification",
        (),
        (Layout(lambda raw_root: [raw_root], folder.search, folder.read),),
        _own,
        options=_OF_FOLDERS,
    ),
    _tabled("deepweeds", classes.DEEPWEEDS, Table("labels.csv", "images", {"species"}), _deepweeds),
    _tabled("cassava", classes.CASSAVA, Table("train.csv", "train_images"), _cassava),
)
_BY_NAME = {dataset.name: dataset for dataset in _DATASETS}
