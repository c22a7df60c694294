"""The environments of the data sets of the field, on files in their formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from ..readers.formats import batch, noise, write_pastures
from ..readers.photographs import save
from .test_refusals import refusal
from .tiny import Tiny


@pytest.mark.parametrize(
    ("env", "dataset"),
    [
        *((name, name) for name in ("deepweeds", "cassava", "cifar100", "droughtwatch")),
        ("cifar10_features", "cifar10"),
    ],
)
def test_environment_is_complete_but_for_the_files(tiny: Tiny, env: str, dataset: str) -> None:
    message = refusal(tiny.run("", f"--env={env}"))
    assert f"data set '{dataset}' was not found" in message
    assert not (tiny.folder / "data").exists()


FEW = "n_cycles:2,start.size:2,query.size:2,training.epochs:1,training.min_steps:2,training.threads:1"


def _write_leaves(root: Path, table: str, images: str, header: str, rows: Sequence[str]) -> None:
    """Eight images in the layout of DeepWeeds or cassava."""
    for number in range(8):
        save(root / images / f"{number}.jpg", noise(12, 16, 3, seed=number))
    lines = [f"{number}.jpg,{rows[number % 2]}" for number in range(8)]
    (root / table).write_text("\n".join([header, *lines]))


def _deepweeds(root: Path) -> None:
    rows = ["0,Chinee apple", "8,Negative"]
    _write_leaves(root / "deepweeds", "labels.csv", "images", "Filename,Label,Species", rows)


def _cassava(root: Path) -> None:
    _write_leaves(root / "cassava", "train.csv", "train_images", "image_id,label", ["0", "4"])


def _cifar100(root: Path) -> None:
    (folder := root / "cifar-100-python").mkdir()
    for split in ("train", "test"):
        (folder / split).write_bytes(batch(noise(8, 3072), [0, 99] * 4, "fine_labels"))


@pytest.mark.parametrize(
    ("env", "write"), [("deepweeds", _deepweeds), ("cassava", _cassava), ("cifar100", _cifar100)]
)
def test_photographs_go_through_two_cycles(
    tiny: Tiny, tmp_path: Path, env: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path)
    params = f"raw_root:{tmp_path},strategy:margin,model.name:cnn,model.width:2,{FEW}"
    result = tiny.run(params, f"--env={env}")
    assert result.exit_code == 0, result.output
    assert tiny.load("metrics", dataset=env, strategy="margin")["n_labeled"].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("more", "shape"), [("", (7, 65, 65, 11)), (",data.bands:rgb,data.binary:true", (7, 65, 65, 3))]
)
def test_satellite_images_go_through_two_cycles(
    tiny: Tiny, tmp_path: Path, more: str, shape: tuple[int, ...]
) -> None:
    write_pastures(tmp_path / "droughtwatch")
    params = f"raw_root:{tmp_path},strategy:margin,model.name:resnet18,model.width:2,{FEW}{more}"
    result = tiny.run(params, "--env=droughtwatch", pipeline=None)
    assert result.exit_code == 0, result.output
    identity = {"dataset": "droughtwatch", "strategy": "margin"}
    assert tiny.load("metrics", **identity)["n_labeled"].tolist() == [2, 4]
    (stored,) = (tiny.folder / "data/03_primary/droughtwatch").glob("*/images.npy")
    assert np.load(stored, mmap_mode="r").shape == shape
