"""Images that cannot be read."""

from __future__ import annotations

import errno
import logging
import random
from contextlib import suppress
from pathlib import Path

import pytest

from queryloop.errors import BrokenFileError, QueryloopError
from queryloop.readers import decoded, pictures
from queryloop.readers.listing import FOREIGN

from .formats import noise, packed_image
from .photographs import read_folder, save, write_class_folders
from .reading import pixels


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


@pytest.mark.parametrize("ending", FOREIGN)
def test_images_of_formats_that_are_not_read_are_no_loss_that_nobody_sees(
    tmp_path: Path, ending: str
) -> None:
    write_class_folders(tmp_path)
    (tmp_path / "fox").mkdir()
    (tmp_path / "fox" / f"0{ending.upper()}").write_bytes(b"?" * 200)
    with pytest.raises(BrokenFileError, match=r"1 of 7 images .*fox.*opened as an image of the formats JPEG"):
        pixels(read_folder(tmp_path))
    with pytest.raises(BrokenFileError, match=r"of 1 of 3 classes: fox\."):
        read_folder(tmp_path, on_error="skip")


def test_images_are_decoded_once_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_class_folders(tmp_path)
    decode, seen = decoded.pixels, []
    monkeypatch.setattr(decoded, "pixels", lambda path, *how: seen.append(path) or decode(path, *how))
    pixels(read_folder(tmp_path, on_error="fail"))
    assert len(seen) == 6 + 1  # the first one says the shape
    seen.clear()
    pixels(read_folder(tmp_path, on_error="skip"))
    assert len(seen) == 2 * 6 + 1


@pytest.mark.parametrize("lack", [MemoryError(), OSError(errno.EMFILE, "too many open files")])
def test_images_are_not_left_out_for_what_the_machine_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lack: Exception
) -> None:
    write_class_folders(tmp_path)

    def lacking(*_: object, **__: object) -> None:
        raise lack

    monkeypatch.setattr(pictures.Image, "open", lacking)
    with pytest.raises(type(lack)):
        read_folder(tmp_path, on_error="skip")


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
@pytest.mark.parametrize("n", [6, 4], ids=["some", "all"])
def test_of_many_images_that_cannot_be_read_each_has_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, on_error: str, n: int
) -> None:
    write_class_folders(tmp_path, n=n)
    broken = [tmp_path / name / f"{i}.png" for name in ("cat", "dog") for i in range(4)]
    for path in broken:
        path.write_bytes(b"<html>")
    with caplog.at_level(logging.INFO), suppress(BrokenFileError):
        pixels(read_folder(tmp_path, on_error=on_error))
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert all(any(line.startswith(str(path)) for line in lines) for path in broken)


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
