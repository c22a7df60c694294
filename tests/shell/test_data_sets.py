"""The environments of the data sets of the field, on files in their formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ..readers.formats import write_pastures
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


@pytest.mark.parametrize(
    ("more", "shape"), [("", (7, 65, 65, 11)), (",data.bands:rgb,data.binary:true", (7, 65, 65, 3))]
)
def test_satellite_images_go_through_two_cycles(
    tiny: Tiny, tmp_path: Path, more: str, shape: tuple[int, ...]
) -> None:
    write_pastures(tmp_path / "droughtwatch")
    few = "n_cycles:2,start.size:2,query.size:2,training.epochs:1,training.min_steps:2,training.threads:1"
    params = f"raw_root:{tmp_path},strategy:margin,model.name:resnet18,model.width:2,{few}{more}"
    result = tiny.run(params, "--env=droughtwatch", pipeline=None)
    assert result.exit_code == 0, result.output
    identity = {"dataset": "droughtwatch", "strategy": "margin"}
    assert tiny.load("metrics", **identity)["n_labeled"].tolist() == [2, 4]
    (stored,) = (tiny.folder / "data/03_primary/droughtwatch").glob("*/images.npy")
    assert np.load(stored, mmap_mode="r").shape == shape
