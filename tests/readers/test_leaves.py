"""DeepWeeds and cassava: images of plants, and a CSV of their classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from queryloop.errors import BrokenFileError, MissingFilesError
from queryloop.readers.classes import CASSAVA, DEEPWEEDS

from .formats import noise
from .photographs import read_folder, rows, save


def write_deepweeds(root: Path, second: str = "8,Negative") -> None:
    for name in ("20160928-140314-0.jpg", "20160928-140337-0.jpg"):
        save(root / "deepweeds" / "images" / name, noise(8, 8, 3))
    text = f"Filename,Label,Species\n20160928-140337-0.jpg,0,Chinee apple\n20160928-140314-0.jpg,{second}\n"
    (root / "deepweeds" / "labels.csv").write_text(text)


def write_cassava(root: Path, second: str = "4") -> None:
    for name in ("1000015157.jpg", "1000201771.jpg"):
        save(root / "cassava" / "train_images" / name, noise(8, 8, 3))
    save(root / "cassava" / "test_images" / "2216849948.jpg", noise(8, 8, 3))
    text = f"image_id,label\n1000201771.jpg,{second}\n1000015157.jpg,0\n"
    (root / "cassava" / "train.csv").write_text(text)


def test_species_are_the_classes_of_deepweeds(tmp_path: Path) -> None:
    write_deepweeds(tmp_path)
    assert rows(read_folder(tmp_path, "deepweeds")) == [
        ["images/20160928-140314-0.jpg", "Negative", "train"],
        ["images/20160928-140337-0.jpg", "Chinee apple", "train"],
    ]


def test_numbers_of_cassava_become_names(tmp_path: Path) -> None:
    write_cassava(tmp_path)
    assert rows(read_folder(tmp_path, "cassava", image_size=4)) == [
        ["train_images/1000015157.jpg", "Cassava Bacterial Blight (CBB)", "train"],
        ["train_images/1000201771.jpg", "Healthy", "train"],
    ]


@pytest.mark.parametrize(
    ("name", "write", "second", "told"),
    [
        ("deepweeds", write_deepweeds, "8,Positive", ["line 3", "'Positive'", "Negative"]),
        ("deepweeds", write_deepweeds, "8,lantana", ["line 3", "'Lantana'"]),
        ("cassava", write_cassava, "5", ["line 2", "class '5'", "Healthy"]),
        ("cassava", write_cassava, "0.0", ["line 2", "class '0.0'"]),
    ],
)
def test_unknown_class_is_refused(
    tmp_path: Path, name: str, write: object, second: str, told: list[str]
) -> None:
    assert callable(write)
    write(tmp_path, second)
    with pytest.raises(BrokenFileError) as caught:
        read_folder(tmp_path, name)
    for fragment in told:
        assert fragment in str(caught.value)


@pytest.mark.parametrize(("name", "folder"), [("deepweeds", "images"), ("cassava", "train_images")])
def test_missing_files_tell_place_and_source(tmp_path: Path, name: str, folder: str) -> None:
    with pytest.raises(MissingFilesError) as caught:
        read_folder(tmp_path, name)
    for fragment in (str(tmp_path / name), ".csv", f"images in {folder}/", "raw_root:PATH"):
        assert fragment in str(caught.value)


def test_classes_are_all_that_the_data_sets_have() -> None:
    assert (len(set(DEEPWEEDS)), len(set(CASSAVA))) == (9, 5)
