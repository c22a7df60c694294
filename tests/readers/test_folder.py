from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from queryloop.errors import BrokenFileError, MissingFilesError, OptionsError, QueryloopError
from queryloop.options import DataOptions
from queryloop.readers import decoded, registry

from .formats import deep_png, noise, packed_image
from .photographs import read_folder, rows, save, write_class_folders, write_table
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
    ],
)
def test_top_folders_may_be_the_splits(tmp_path: Path, tops: tuple[str, ...], splits: set[str]) -> None:
    for top in tops:
        write_class_folders(tmp_path / top, n=2)
    samples = read_folder(tmp_path).samples
    assert set(samples["split"]) == splits
    assert set(samples["label"]) == {"cat", "dog"}
    assert samples["sample_id"].str.startswith(tops).all()
    is_test = samples["sample_id"].str.lower().str.startswith("test/")
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


def test_pixels_do_not_depend_on_workers_blocks_or_order_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_class_folders(tmp_path, n=7)
    before = read_folder(tmp_path)
    walk = os.walk

    def shuffled(*arguments: Any, **how: Any) -> Any:
        for place, folders, files in walk(*arguments, **how):
            random.Random(1).shuffle(files)
            folders.sort(reverse=True)
            yield place, folders, files

    monkeypatch.setattr(os, "walk", shuffled)
    monkeypatch.setattr(decoded, "_BLOCK", 3)
    after = read_folder(tmp_path, workers=3)
    assert rows(after) == rows(before)
    assert max(len(block) for block in after.blocks()) == 3
    np.testing.assert_array_equal(pixels(after), pixels(before))


def test_blocks_of_large_images_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_class_folders(tmp_path, n=5)
    monkeypatch.setattr(decoded, "_MEMORY", 2 * 5 * 4 * 3 + 1)
    assert [len(block) for block in read_folder(tmp_path).blocks()] == [2] * 5


def test_mixed_sizes_need_a_size(tmp_path: Path) -> None:
    write_class_folders(tmp_path)
    save(tmp_path / "dog" / "wide.png", noise(3, 9, 3))
    images = read_folder(tmp_path)
    with pytest.raises(
        OptionsError, match=r"dog/wide\.png: is 3x9 .*cat/0\.png is 5x4: set data\.image_size"
    ):
        pixels(images)
    assert pixels(read_folder(tmp_path, image_size=6)).shape == (7, 6, 6, 3)


@pytest.mark.parametrize(
    ("modes", "channels"), [(["L", "1"], 1), (["L", "RGB"], 3), (["L", "LA"], 1), (["L", "P"], 3)]
)
def test_one_image_in_colour_makes_three_channels(tmp_path: Path, modes: list[str], channels: int) -> None:
    for i, mode in enumerate(modes):
        save(tmp_path / f"class_{i}" / "a.png", noise(5, 4), mode)
    assert read_folder(tmp_path).shape == (5, 4, channels)
    for chosen in (1, 3):
        assert pixels(read_folder(tmp_path, channels=chosen)).shape == (2, 5, 4, chosen)


@pytest.mark.parametrize(("brightest", "is_told"), [(4095, True), (8191, True), (8192, False)])
def test_16_bits_that_hold_12_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, brightest: int, is_told: bool
) -> None:
    for name, peak in (("cat", brightest), ("dog", 900)):
        save(tmp_path / name / "deep.png", np.array([[0, peak]], np.uint16))
        save(tmp_path / name / "bright.png", np.array([[0, 255]], np.uint8))
    images = pixels(read_folder(tmp_path))
    assert caplog.text.count("16 bits") == is_told
    if brightest == 4095:
        levels = len({round(value / 257) for value in range(4096)})
        assert f"2 images with 16 bits is 4095 of 65535, so that {levels} of 256" in caplog.text
        assert "by one factor, at most 16." in caplog.text
    assert images[1].max() == round(brightest / 257)


def test_dim_colours_of_16_bits_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "deep.png").write_bytes(deep_png(np.full((2, 3, 3), 4095, np.uint16)))
    assert (pixels(read_folder(tmp_path)) == 15).all()
    assert "2 images with 16 bits is 3855 of 65535, so that 16 of 256 levels are left" in caplog.text


def broken_folder(root: Path) -> None:
    write_class_folders(root)
    (root / "cat" / "0.png").write_bytes(b"<html>")
    (root / "dog" / "1.png").write_bytes(packed_image(noise(40, 40, 3))[:-900])


def test_every_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken_folder(tmp_path)
    images = read_folder(tmp_path, image_size=4)
    with pytest.raises(BrokenFileError, match="2 of 6 images cannot be read") as caught:
        pixels(images)
    for told in (str(tmp_path / "cat/0.png"), str(tmp_path / "dog/1.png"), "data.on_error:skip"):
        assert told in str(caught.value)


def test_images_are_decoded_once_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_class_folders(tmp_path)
    decode, seen = decoded.pixels, []
    monkeypatch.setattr(decoded, "pixels", lambda path, *how: seen.append(path) or decode(path, *how))
    pixels(read_folder(tmp_path, on_error="fail"))
    assert len(seen) == 6 + 1  # the first one says the shape
    seen.clear()
    pixels(read_folder(tmp_path, on_error="skip"))
    assert len(seen) == 2 * 6 + 1


def test_images_that_cannot_be_read_are_left_out_if_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken_folder(tmp_path)
    with caplog.at_level(logging.INFO):
        images = read_folder(tmp_path, on_error="skip")
    assert images.samples["sample_id"].tolist() == ["cat/1.png", "cat/2.png", "dog/0.png", "dog/2.png"]
    assert len(pixels(images)) == 4
    assert "2 of 6 images cannot be read" in caplog.text
    assert "4 images of 2 classes" in caplog.text
    assert str(tmp_path / "dog/1.png") in caplog.text


@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_folder_without_a_readable_image_is_refused(tmp_path: Path, on_error: str) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"?")
    with pytest.raises(BrokenFileError, match=r"2 of 2 images cannot be read|no image can be read of 2 of 2"):
        pixels(read_folder(tmp_path, on_error=on_error))


@pytest.mark.parametrize("names", [("cat", "dog"), ("cat", "dog", "fox")])
def test_class_is_not_left_out_as_a_whole(tmp_path: Path, names: tuple[str, ...]) -> None:
    write_class_folders(tmp_path, names)
    for path in (tmp_path / "dog").iterdir():
        path.write_bytes(b"<html>")
    with pytest.raises(BrokenFileError, match=rf"of 1 of {len(names)} classes: dog\. Mend or add images"):
        read_folder(tmp_path, on_error="skip")


def test_test_images_are_not_left_out_as_a_whole(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "train")
    write_class_folders(tmp_path / "test", n=1)
    for path in (tmp_path / "test").rglob("*.png"):
        path.write_bytes(b"<html>")
    with pytest.raises(BrokenFileError, match=r"no image of the split test can be read"):
        read_folder(tmp_path, on_error="skip")


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


REFUSED: list[tuple[Callable[[Path], None], list[str]]] = [
    (only_one_class, ["all 3 images are of one class (cat)"]),
    (astray, ["1 images lie in no class folder: x.png", "labels.csv"]),
    (splits_without_classes, ["2 images lie in no class folder", "train/0.png"]),
    (splits_beside_classes, ["test and train stand beside other"]),
    (splits_beside_others, ["Train and val stand beside extra"]),
    (table_beside_classes, ["people.csv and the folders could both say the class"]),
    (two_tables, ["2 tables (one.csv, two.csv)", "labels.csv"]),
    (link_out, ["cat/link.png", "leads out of this folder"]),
    (link_to_folder, ["fox: is a link to a folder"]),
    (name_of_bytes, [r"b'cat/\xe9.png' is not UTF-8"]),
]


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


@pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::PIL.Image.DecompressionBombWarning")
def test_damage_raises_nothing_foreign(tmp_path: Path) -> None:
    draw = random.Random(0)
    kinds = ["png", "jpg", "gif", "bmp", "tif", "webp"]
    for kind in kinds:
        whole = save(tmp_path / f"a.{kind}", noise(12, 12, 3)).read_bytes()
        for _ in range(60):
            raw = bytearray(whole)
            for _ in range(draw.randint(1, 4)):
                raw[draw.randrange(len(raw))] = draw.randrange(256)
            path = tmp_path / f"b.{kind}"
            path.write_bytes(raw[: draw.choice([len(raw), draw.randrange(len(raw))])])
            with suppress(QueryloopError):
                assert decoded.pixels(path, 8, 3).shape == (8, 8, 3)


def test_squares_are_those_of_the_pictures(tmp_path: Path) -> None:
    write_class_folders(tmp_path, size=(9, 4, 3))
    images = read_folder(tmp_path, image_size=3)
    first = Image.open(tmp_path / "cat" / "0.png").resize((3, 3), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(pixels(images)[0], np.asarray(first))
