"""The data sets as people download them."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from queryloop.errors import MissingFilesError
from queryloop.readers import registry
from queryloop.readers.classes import DEEPWEEDS

from .photographs import read_folder, save
from .reading import read, read_all

pytestmark = pytest.mark.real_data

MNIST_TRAINING_IMAGES = "6bbc9ace898e44ae57da46a324031adb"
IDX_HEADER = bytes.fromhex("00000803 0000ea60 0000001c 0000001c")


@pytest.fixture
def raw_root() -> Path:
    if "QUERYLOOP_RAW_ROOT" not in os.environ:
        pytest.skip("QUERYLOOP_RAW_ROOT does not say where the data sets lie")
    return Path(os.environ["QUERYLOOP_RAW_ROOT"])


@pytest.fixture
def found(raw_root: Path, request: pytest.FixtureRequest) -> Path:
    """raw_root, if it holds the data set that the test is about."""
    try:
        registry.find(request.param).source(raw_root)
    except MissingFilesError as error:
        pytest.skip(str(error))
    return raw_root


def counts(samples: pd.DataFrame, split: str) -> list[int]:
    return sorted(samples.label[samples.split == split].value_counts())


@pytest.mark.parametrize("found", ["mnist"], indirect=True)
def test_mnist(found: Path) -> None:
    images, pixels = read_all("mnist", found)
    assert pixels.shape == (70_000, 28, 28, 1)
    assert images.samples.split.value_counts().to_dict() == {"train": 60_000, "test": 10_000}
    assert images.samples.label[:3].tolist() == ["5", "0", "4"]
    raw = IDX_HEADER + pixels[:60_000].tobytes()
    assert hashlib.md5(raw, usedforsecurity=False).hexdigest() == MNIST_TRAINING_IMAGES


@pytest.mark.parametrize("found", ["fashion_mnist"], indirect=True)
def test_fashion_mnist(found: Path) -> None:
    samples = read("fashion_mnist", found).samples
    assert samples.label[:2].tolist() == ["Ankle boot", "T-shirt/top"]
    assert counts(samples, "train") == [6_000] * 10
    assert counts(samples, "test") == [1_000] * 10


@pytest.mark.parametrize("found", ["cifar10"], indirect=True)
def test_cifar10(found: Path) -> None:
    images = read("cifar10", found)
    assert counts(images.samples, "train") == [5_000] * 10
    assert counts(images.samples, "test") == [1_000] * 10
    sizes, means = zip(*((len(block), block.mean(axis=(0, 1, 2))) for block in images.blocks()), strict=True)
    assert sum(sizes) == 60_000
    np.testing.assert_allclose(np.average(means, axis=0, weights=sizes), [125.4, 123.1, 114.0], atol=2)


def test_labels_of_deepweeds(raw_root: Path, tmp_path: Path) -> None:
    """The real table, with images made up for its names: one file a class, linked."""
    table = raw_root / "deepweeds" / "labels.csv"
    if not table.is_file():
        pytest.skip(f"{table} is not there")
    names = pd.read_csv(table)
    place = tmp_path / "deepweeds" / "images"
    originals = [
        save(tmp_path / f"{label}.png", np.full((4, 4, 3), 20 * label, np.uint8)) for label in range(9)
    ]
    place.mkdir(parents=True)
    for name, label in zip(names["Filename"], names["Label"], strict=True):
        os.link(originals[label], place / name)
    shutil.copy(table, place.parent)
    images = read_folder(tmp_path, "deepweeds")
    assert len(images.samples) == 17_509
    assert images.samples["label"].value_counts().to_dict() == names["Species"].value_counts().to_dict()
    shades = np.concatenate([block[:, 0, 0, 0] for block in images.blocks()]) // 20
    assert [DEEPWEEDS[shade] for shade in shades] == images.samples["label"].tolist()


@pytest.mark.parametrize("found", ["droughtwatch"], indirect=True)
def test_droughtwatch(found: Path) -> None:
    samples = read("droughtwatch", found).samples
    assert samples.split.value_counts().to_dict() == {"train": 86_317, "test": 10_778}
    assert 0.5 < (samples.label == "0").mean() < 0.7
    assert set(samples.label) == {"0", "1", "2", "3+"}
