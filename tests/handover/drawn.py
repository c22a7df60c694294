"""An experiment that asks for boxes, and people who draw into them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pandas as pd
from kedro.io import DataCatalog

from queryloop.boxes.box import Box
from queryloop.storage.volumes import Volumes
from queryloop.tasks.segmentation.space import covering

from ..exchange.made_up import scan

OPEN = [
    Box("turned", (0, 0, 0), (4, 5, 3)),
    Box("turned", (0, 5, 0), (4, 5, 3)),
    Box("plain", (2, 2, 2), (3, 3, 3)),
]
EARLIER = Box("turned", (8, 5, 5), (3, 3, 3))
SETTINGS = {"oracle": {"name": "people"}, "start": {"sampler": "random"}, "samples": "0123"}


@dataclass
class Begun:
    """An experiment with an open query of boxes, as far as `ask` and `tell` look at it."""

    home: Path
    catalog: DataCatalog
    query: pd.DataFrame
    labeled: pd.DataFrame
    n_committed: int = 1
    is_exhausted: bool = False
    flags: str = "--params=strategy=entropy"
    task = SimpleNamespace(name="segmentation")

    @property
    def run(self) -> SimpleNamespace:
        return SimpleNamespace(
            home=self.home,
            strategy="entropy",
            settings=SETTINGS,
            versions=["v"] * self.n_committed,
            query=self.query,
            labeled=self.labeled,
            answers=self.catalog.load("answers"),
        )


def draw(folder: Path, volumes: Volumes, *boxes: Box) -> None:
    """Draw the truth into some boxes of the files that were asked."""
    for box in boxes:
        paint(folder, volumes, box, scan(box.case).labels[covering(box, volumes.cases[box.case])])


def paint(folder: Path, volumes: Volumes, box: Box, labels: np.ndarray | int) -> Path:
    """Give all voxels of a box these labels."""
    path = folder / "masks" / f"{box.case}.nii.gz"
    before = nibabel.load(path)
    voxels = np.asanyarray(before.dataobj).copy()
    voxels[covering(box, volumes.cases[box.case])] = labels
    nibabel.save(nibabel.Nifti1Image(voxels, before.affine), path)
    return path
