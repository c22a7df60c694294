from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.readers.classes import CIFAR100

from .formats import batch, noise, packed_image, write_shard
from .reading import pixels, read

SIZES = {"train": 4, "test": 2}
LABELS = {"train": [0, 99, 42, 7], "test": [99, 1]}


def write_pickles(folder: Path) -> None:
    folder.mkdir(parents=True)
    for split, n in SIZES.items():
        (folder / split).write_bytes(batch(noise(n, 3072, seed=n), LABELS[split], "fine_labels"))


def write_parquet(folder: Path) -> None:
    for split, n in SIZES.items():
        images = [packed_image(image) for image in noise(n, 4, 5, 3, seed=n)]
        write_shard(folder / f"{split}-00000-of-00001.parquet", images, LABELS[split], "fine_label")


PLACES = [
    ("cifar100/cifar-100-python", write_pickles),
    ("cifar-100-python", write_pickles),
    ("cifar100", write_parquet),
    ("cifar100/cifar100", write_parquet),
]


def test_classes_are_a_hundred_in_the_order_of_their_names() -> None:
    assert len(set(CIFAR100)) == 100
    assert list(CIFAR100) == sorted(CIFAR100)
    assert [CIFAR100[i] for i in (0, 1, 42, 69, 99)] == [
        "apple",
        "aquarium_fish",
        "leopard",
        "rocket",
        "worm",
    ]


@pytest.mark.parametrize(("place", "write"), PLACES)
def test_fine_labels_are_read_from_both_layouts(tmp_path: Path, place: str, write: object) -> None:
    assert callable(write)
    write(tmp_path / place)
    images = read("cifar100", tmp_path)
    assert images.samples[["sample_id", "label"]].to_numpy().tolist() == [
        ["train/000000", "apple"],
        ["train/000001", "worm"],
        ["train/000002", "leopard"],
        ["train/000003", "beetle"],
        ["test/000000", "worm"],
        ["test/000001", "aquarium_fish"],
    ]


def test_pixels_of_pickles_are_those_of_the_planes(tmp_path: Path) -> None:
    write_pickles(tmp_path / "cifar-100-python")
    planes = np.concatenate([noise(n, 3072, seed=n) for n in SIZES.values()]).reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(pixels(read("cifar100", tmp_path)), planes.transpose(0, 2, 3, 1))


def test_label_outside_is_refused(tmp_path: Path) -> None:
    write_pickles(tmp_path / "cifar-100-python")
    path = tmp_path / "cifar-100-python" / "test"
    path.write_bytes(batch(noise(2, 3072), [99, 100], "fine_labels"))
    with pytest.raises(BrokenFileError, match=r"test: .*record 1 has 100"):
        read("cifar100", tmp_path)


def test_batches_of_cifar10_are_no_cifar100(tmp_path: Path) -> None:
    write_pickles(tmp_path / "cifar-100-python")
    (tmp_path / "cifar-100-python" / "test").write_bytes(batch(noise(2, 3072), [1, 2]))
    with pytest.raises(BrokenFileError, match="fine_labels"):
        read("cifar100", tmp_path)


def test_missing_files_tell_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(MissingFilesError, match=r"train, test.*import CIFAR100"):
        read("cifar100", tmp_path)
