"""Classes, splits and ids of images in a folder, and its fingerprint."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from queryloop.errors import OptionsError
from queryloop.options import DataOptions
from queryloop.readers import registry

from .formats import noise
from .photographs import read_folder, rows, save, write_class_folders
from .reading import pixels


def test_first_folder_is_the_class_and_ids_are_sorted_paths(tmp_path: Path) -> None:
    write_class_folders(tmp_path, ("dog", "cat"), 2)
    save(tmp_path / "cat" / "young" / "2020" / "x.png", noise(5, 4, 3, seed=9))
    images = read_folder(tmp_path)
    assert rows(images) == [
        ["cat/0.png", "cat", "train"],
        ["cat/1.png", "cat", "train"],
        ["cat/young/2020/x.png", "cat", "train"],
        ["dog/0.png", "dog", "train"],
        ["dog/1.png", "dog", "train"],
    ]
    expected = [noise(5, 4, 3, seed=seed) for seed in (100, 101, 9, 0, 1)]
    np.testing.assert_array_equal(pixels(images), expected)


@pytest.mark.parametrize(
    ("tops", "splits"),
    [
        (("train", "test"), {"train", "test"}),
        (("Train", "val", "TEST"), {"train", "test"}),
        (("train", "valid"), {"train"}),
        (("train",), {"train"}),
        (("Training", "Testing"), {"train", "test"}),
    ],
)
def test_top_folders_may_be_the_splits(tmp_path: Path, tops: tuple[str, ...], splits: set[str]) -> None:
    for top in tops:
        write_class_folders(tmp_path / top, n=2)
    samples = read_folder(tmp_path).samples
    assert set(samples["split"]) == splits
    assert set(samples["label"]) == {"cat", "dog"}
    assert samples["sample_id"].str.startswith(tops).all()
    is_test = samples["sample_id"].str.lower().str.startswith(("test/", "testing/"))
    assert ((samples["split"] == "test") == is_test).all()


def test_class_may_be_called_like_a_split(tmp_path: Path) -> None:
    write_class_folders(tmp_path, ("train", "car"), 1)
    assert rows(read_folder(tmp_path)) == [["car/0.png", "car", "train"], ["train/0.png", "train", "train"]]


def test_labels_stay_text(tmp_path: Path) -> None:
    write_class_folders(tmp_path, ("007", "1e3", "nan", "é"), 1)
    assert read_folder(tmp_path).samples["label"].tolist() == ["007", "1e3", "nan", "é"]


def test_other_files_are_ignored_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_class_folders(tmp_path, n=2)
    for name in ("notes.txt", "cat/Thumbs.db", ".DS_Store", "cat/._0.png", ".git/a.png", "dog/.x/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"?")
    (tmp_path / "fox").mkdir()
    with caplog.at_level(logging.INFO):
        assert len(read_folder(tmp_path).samples) == 4
    assert "4 images of 2 classes; left out: 2 files that are no images, 4 hidden" in caplog.text
    assert "folders without images are no classes: fox." in caplog.text


def test_classes_without_training_images_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for split, name in (("train", "cat"), ("train", "dog"), ("test", "cat"), ("test", "fox")):
        save(tmp_path / split / name / "0.png", noise(5, 4))
    (tmp_path / "train" / "fox").mkdir()
    assert len(read_folder(tmp_path).samples) == 4
    assert "1 of 3 classes have no training image: fox." in caplog.text
    assert "are no classes" not in caplog.text


def test_classes_of_images_that_wait_for_labels_are_not_missed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_class_folders(tmp_path, n=1)
    rows = ["file,label,split", "cat/0.png,,train", "dog/0.png,dog,train", "fox/0.png,cat,test"]
    save(tmp_path / "fox" / "0.png", noise(5, 4))
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    read_folder(tmp_path)
    assert "have no training image" not in caplog.text


def test_link_inside_and_linked_root_are_read(tmp_path: Path) -> None:
    write_class_folders(root := tmp_path / "images")
    (root / "cat" / "link.png").symlink_to(root / "dog" / "0.png")
    (tmp_path / "linked").symlink_to(root)
    images = read_folder(tmp_path / "linked")
    assert rows(images)[3] == ["cat/link.png", "cat", "train"]
    assert len(pixels(images)) == 7


def fingerprint(root: Path, **options: Any) -> str:
    data = DataOptions(**options)
    dataset = registry.find("image_folder", data)
    return registry.fingerprint(dataset, dataset.source(root), data)


def test_fingerprint_depends_on_content_names_and_options_only(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "a")
    write_class_folders(tmp_path / "b")
    before = fingerprint(tmp_path / "a")
    assert fingerprint(tmp_path / "b", workers=5, test=0.5) == before
    others = [{"image_size": 8}, {"channels": 1}, {"on_error": "skip"}]
    assert len({before, *(fingerprint(tmp_path / "a", **other) for other in others)}) == 4
    (tmp_path / "b" / "notes.txt").write_text("no image")
    assert fingerprint(tmp_path / "b") == before
    (tmp_path / "b" / "cat" / "0.png").rename(tmp_path / "b" / "cat" / "9.png")
    assert fingerprint(tmp_path / "b") != before


def test_fingerprint_tells_a_folder_from_the_folder_above(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "train")
    assert fingerprint(tmp_path) != fingerprint(tmp_path / "train")


@pytest.mark.parametrize("option", [{"image_size": 8}, {"channels": 3}, {"on_error": "skip"}])
def test_other_data_sets_do_not_take_the_options(option: dict[str, Any]) -> None:
    with pytest.raises(OptionsError, match="image_folder"):
        registry.find("mnist", DataOptions(**option))
