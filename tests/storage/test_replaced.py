"""What a comparison leaves behind."""

from __future__ import annotations

from pathlib import Path

from queryloop.storage.replaced import ReplacedPicture


def test_no_picture_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "calibration.png"
    picture = ReplacedPicture(filepath=str(path))
    picture.save(b"one")
    assert picture.load() == b"one"
    for _ in range(2):
        picture.save(b"")
        assert not picture.exists()
