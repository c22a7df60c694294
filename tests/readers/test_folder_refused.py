"""Folders whose meaning is not clear."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from queryloop.errors import BrokenFileError, MissingFilesError

from .formats import noise
from .photographs import read_folder, save, write_class_folders, write_table


def only_one_class(root: Path) -> None:
    write_class_folders(root, ["cat"])


def astray(root: Path) -> None:
    write_class_folders(root)
    save(root / "x.png", noise(5, 4, 3))


def splits_without_classes(root: Path) -> None:
    for name in ("train", "test"):
        save(root / name / "0.png", noise(5, 4, 3))


def splits_beside_classes(root: Path) -> None:
    write_class_folders(root / "train")
    write_class_folders(root, ("test", "other"))


def splits_beside_others(root: Path) -> None:
    for name in ("Train", "val", "extra"):
        write_class_folders(root / name)


def same_folders_in_each(root: Path) -> None:
    for name in ("2019", "2020"):
        write_class_folders(root / name)


def table_beside_classes(root: Path) -> None:
    write_class_folders(root)
    (root / "people.csv").write_text("file,label\ncat/0.png,x\n")


def two_tables(root: Path) -> None:
    write_table(root, "file,label\na.png,x\n", "one.csv")
    write_table(root, "file,label\na.png,x\n", "two.csv")


def link_out(root: Path) -> None:
    write_class_folders(root)
    save(root.parent / "secret.png", noise(5, 4, 3))
    (root / "cat" / "link.png").symlink_to(root.parent / "secret.png")


def link_to_folder(root: Path) -> None:
    write_class_folders(root)
    (root / "fox").symlink_to(root / "dog")


def name_of_bytes(root: Path) -> None:
    write_class_folders(root)
    (root / "cat" / "0.png").rename(os.fsdecode(os.fsencode(root / "cat") + b"/\xe9.png"))


def space_in_front(root: Path) -> None:
    write_class_folders(root, (" cat", "dog"), n=1)


def space_in_a_file(root: Path) -> None:
    write_class_folders(root)
    (root / "cat" / "0.png").rename(root / "cat" / " b.png")


REFUSED: list[tuple[Callable[[Path], None], list[str]]] = [
    (only_one_class, ["all 3 images are of one class (cat)"]),
    (astray, ["1 images lie in no class folder: x.png", "labels.csv"]),
    (splits_without_classes, ["2 images lie in no class folder", "train/0.png"]),
    (splits_beside_classes, ["test and train stand beside other"]),
    (splits_beside_others, ["Train and val stand beside extra"]),
    (same_folders_in_each, ["2019, 2020 hold the same folders, cat, dog", "train, training", "labels.csv"]),
    (table_beside_classes, ["people.csv and the folders could both say the class"]),
    (two_tables, ["2 tables (one.csv, two.csv)", "labels.csv"]),
    (link_out, ["cat/link.png", "leads out of this folder"]),
    (link_to_folder, ["fox: is a link to a folder"]),
    (space_in_front, ["' cat' begins or ends with a space"]),
    (space_in_a_file, ["'cat/ b.png' begins or ends with a space", "rename it"]),
    (name_of_bytes, [r"b'cat/\xe9.png' is not UTF-8"]),
]


def test_classes_may_have_folders_that_are_not_all_the_same(tmp_path: Path) -> None:
    for inner in ("young", "old"):
        write_class_folders(tmp_path / "cat" / inner, ("2019", "2020"), n=1)
    write_class_folders(tmp_path / "dog", ("young",), n=1)
    assert set(read_folder(tmp_path).samples["label"]) == {"cat", "dog"}


@pytest.mark.parametrize(("build", "told"), REFUSED)
def test_folder_that_is_not_clear_is_refused(
    tmp_path: Path, build: Callable[[Path], None], told: list[str]
) -> None:
    build(root := tmp_path / "images")
    with pytest.raises(BrokenFileError) as caught:
        read_folder(root)
    for fragment in [str(root), *told]:
        assert fragment in str(caught.value)


def nothing(root: Path) -> None: ...


def no_images(root: Path) -> None:
    (root / "cat").mkdir(parents=True)
    (root / "cat" / "notes.txt").write_text("?")


@pytest.mark.parametrize("build", [nothing, no_images])
def test_folder_without_images_is_refused_with_what_it_should_hold(
    tmp_path: Path, build: Callable[[Path], None]
) -> None:
    build(root := tmp_path / "images")
    with pytest.raises(MissingFilesError) as caught:
        read_folder(root)
    for fragment in (f"Missing in {root}: ", "raw_root:PATH", "<class>/<image>", "labels.csv"):
        assert fragment in str(caught.value)
