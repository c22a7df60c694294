from __future__ import annotations

import ast
import shlex
from pathlib import Path

import pytest

from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.readers import registry
from queryloop.readers.dataset import DataSet, Found, Layout

from .formats import BATCHES, IDX_NAMES

PLACES = {
    "mnist": ["mnist", "MNIST/raw", "mnist/MNIST/raw"],
    "fashion_mnist": ["fashion-mnist", "FashionMNIST/raw", "fashion-mnist/FashionMNIST/raw"],
    "cifar10": ["cifar10", "cifar10/cifar-10-batches-py", "cifar-10-batches-py"],
}
NAMES = {
    "mnist": [name for names in IDX_NAMES.values() for name in names],
    "fashion_mnist": [name for names in IDX_NAMES.values() for name in names],
    "cifar10": ["train-00000-of-00001.parquet", "test-00000-of-00001.parquet", *BATCHES],
}
CLASSES = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "cifar10": "CIFAR10"}


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    def closed(folder: Path) -> Found:
        raise PermissionError(13, "Permission denied", str(folder))

    layout = Layout(lambda root: [root], closed, lambda *_: None)
    data = DataSet("mine", "classification", ("cat",), (layout,), str)
    with pytest.raises(BrokenFileError, match="cannot be searched: give yourself the right to read it"):
        data.source(tmp_path)


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("folder", ["raw", 'it\'s "raw"'])
def test_missing_files_tell_places_names_and_command(tmp_path: Path, name: str, folder: str) -> None:
    raw_root = tmp_path / folder
    with pytest.raises(MissingFilesError) as caught:
        registry.find(name).source(raw_root)
    told = str(caught.value)
    for fragment in [*(str(raw_root / place) for place in PLACES[name]), *NAMES[name]]:
        assert fragment in told
    assert "--params=raw_root:PATH" in told
    python, flag, code = shlex.split(told[told.index("python -c") :])
    assert (python, flag) == ("python", "-c")
    load, call = ast.parse(code).body
    assert ast.unparse(load) == f"from torchvision.datasets import {CLASSES[name]}"
    assert ast.unparse(call) == f"{CLASSES[name]}({str(raw_root)!r}, download=True)"


def test_only_what_is_missing_is_told_for_a_place(mnist: Path) -> None:
    (mnist / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(MissingFilesError) as caught:
        registry.find("mnist").source(mnist)
    assert f"Missing in {mnist / 'mnist'}: t10k-labels-idx1-ubyte[.gz]." in str(caught.value)
