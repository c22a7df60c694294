"""The data sets themselves: class names, places, readers, and how to get the files."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from queryloop.options import DataOptions
from queryloop.readers import batches, classes, digits, droughtwatch, folder, idx, parquet
from queryloop.readers.dataset import DataSet, Layout, Read, Source, under
from queryloop.readers.folder import Table
from queryloop.readers.nifti import cases as nifti


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


def _own_nifti(_raw_root: Path) -> str:
    return (
        "Say with --params=raw_root:PATH where it lies: PATH/dataset.json, PATH/imagesTr/ and "
        "PATH/labelsTr/, as in the Medical Segmentation Decathlon or in nnUNet_raw."
    )


def _nothing(_raw_root: Path) -> str:
    return "It is made from a seed."


def _by(module: str) -> Callable[[Source, Sequence[str], DataOptions], Read]:
    """The reader of a module that is imported when it reads, as nibabel and scipy take two seconds."""

    def read(source: Source, of: Sequence[str], options: DataOptions) -> Read:
        return import_module(f"queryloop.readers.{module}").read(source, of, options)

    return read


_OF_VOLUMES = frozenset({"spacing", "normalisation"})
_OF_FOLDERS = frozenset({"image_size", "channels", "on_error"})


def _tabled(name: str, of: tuple[str, ...], table: Table, remedy: Callable[[Path], str]) -> DataSet:
    layout = Layout(under(name), table.search, table.read)
    return DataSet(name, "classification", of, (layout,), remedy, options=_OF_FOLDERS)


DATASETS = (
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
    _tabled(
        "deepweeds", classes.DEEPWEEDS, Table("labels.csv", "images", frozenset({"species"})), _deepweeds
    ),
    _tabled("cassava", classes.CASSAVA, Table("train.csv", "train_images"), _cassava),
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
    DataSet(
        "hippocampus",
        "segmentation",
        (),
        (Layout(under("Task04_Hippocampus"), nifti.search, _by("nifti.read")),),
        _download(
            "torchvision.datasets.utils",
            "download_and_extract_archive",
            '"https://msd-for-monai.s3-us-west-2.amazonaws.com/Task04_Hippocampus.tar"',
            "{}",
        ),
        options=_OF_VOLUMES | {"cases"},
    ),
    DataSet(
        "nifti",
        "segmentation",
        (),
        (Layout(lambda raw_root: [raw_root], nifti.search, _by("nifti.read")),),
        _own_nifti,
        options=_OF_VOLUMES | {"cases", "unlabelled"},
    ),
    DataSet(
        "phantom",
        "segmentation",
        classes.PHANTOM,
        (Layout(lambda raw_root: [raw_root], lambda _folder: ([], []), _by("phantom")),),
        _nothing,
        options=_OF_VOLUMES,
    ),
)
