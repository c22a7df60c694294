"""What reads a large data set for more than two seconds shows how far it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from queryloop import progress

from .formats import noise, write_pastures
from .photographs import read_folder, save
from .reading import read


@pytest.fixture(autouse=True)
def impatient_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setattr(progress, "_PATIENCE", -1.0)


def test_the_search_for_colour_in_grey_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("cat/0.png", "dog/0.png"):
        save(tmp_path / name, noise(5, 4))
    assert read_folder(tmp_path).shape[2] == 1
    assert "looking for colour" in capsys.readouterr().out


def test_the_labels_of_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pastures(tmp_path / "droughtwatch")
    assert len(read("droughtwatch", tmp_path).samples) == 7
    assert "reading labels" in capsys.readouterr().out
