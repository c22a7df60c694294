"""Sizes, channels and depths of images in a folder."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from queryloop.errors import OptionsError
from queryloop.readers import decoded

from .formats import deep_png, noise
from .photographs import read_folder, rows, save, write_class_folders
from .reading import pixels


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


def test_squares_are_those_of_the_pictures(tmp_path: Path) -> None:
    write_class_folders(tmp_path, size=(9, 4, 3))
    images = read_folder(tmp_path, image_size=3)
    first = Image.open(tmp_path / "cat" / "0.png").resize((3, 3), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(pixels(images)[0], np.asarray(first))
