"""Scans in turned and unequal grids, stored as an experiment has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from nibabel.orientations import apply_orientation, inv_ornt_aff

from queryloop.boxes.box import Box
from queryloop.options import DataOptions
from queryloop.readers.prepared import RawScan, volume_set
from queryloop.readers.volumes import FileGrid
from queryloop.samples import BOX
from queryloop.storage.volumes import Volumes, VolumeStore

CLASSES = ("background", "front", "back")
TURNS = {
    "plain": [[0, 1], [1, 1], [2, 1]],
    "turned": [[2, -1], [0, 1], [1, -1]],
    "flipped": [[1, -1], [2, 1], [0, -1]],
}
SHAPES = {"plain": (16, 14, 12), "turned": (13, 17, 15), "flipped": (12, 15, 16)}
"""Before they are turned, along x, y and z of the patient."""
SPACING = (1.0, 1.2, 2.5)
OBLIQUE = np.array([[np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1]])


def grid(case_id: str) -> FileGrid:
    """A grid whose axes are permuted, turned round and, in one case, oblique."""
    turn, shape = np.array(TURNS[case_id]), SHAPES[case_id]
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = (-20.0, 33.0, 7.5)
    if case_id == "turned":
        affine[:3, :3] = OBLIQUE @ affine[:3, :3]
    return FileGrid(apply_orientation(np.empty(shape), turn).shape, affine @ inv_ornt_aff(turn, shape))


def scan(case_id: str) -> RawScan:
    """Labels in patches of some voxels, and an image that shows them."""
    shape = np.array(grid(case_id).shape)
    rng = np.random.default_rng(len(case_id))
    patches = rng.choice(3, -(-shape // 4), p=[0.6, 0.25, 0.15]).astype(np.uint8)
    labels = np.kron(patches, np.ones((4, 4, 4), np.uint8))[tuple(map(slice, shape))]
    return RawScan((labels * 10.0 + rng.standard_normal(shape)).astype(np.float32)[None], labels)


def scans(folder: Path, spacing: tuple[float, float, float] | None) -> Volumes:
    """Three cases; spacing (z, y, x): of the store, none: that of the files."""
    options = DataOptions(spacing=spacing)
    store = VolumeStore(path=str(folder))
    store.locate(lambda: "0123")
    store.save(volume_set({name: grid(name) for name in TURNS}, scan, CLASSES, ["MRI"], options))
    return store.load()


def table(boxes: Sequence[Box], cycle: int = 1) -> pd.DataFrame:
    """Boxes as they stand in queries and labelled sets."""
    rows = [(box.id, cycle, rank, -0.5, *box.corner, *box.size) for rank, box in enumerate(boxes, start=1)]
    return pd.DataFrame(rows, columns=["sample_id", "cycle", "rank", "score", *BOX])
