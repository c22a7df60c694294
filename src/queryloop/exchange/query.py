"""A query of boxes as files that 3D Slicer, ITK-SNAP and MITK open, and that come back with labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from queryloop.boxes.box import Box
from queryloop.exchange.labels import as_saved, write_description
from queryloop.exchange.names import Labels, write_names
from queryloop.exchange.painted import painted
from queryloop.exchange.pictures import TABLE
from queryloop.exchange.writing import ENDING, FOR_SPREADSHEETS, save, whole_folder
from queryloop.progress import ProgressBar
from queryloop.readers.grid import image_to_native
from queryloop.readers.volumes import Case
from queryloop.tasks.segmentation.rows import boxes_of, by_case
from queryloop.tasks.segmentation.scans import Scans
from queryloop.tasks.segmentation.space import Region, covering, cut_affine, nearest, place

MASKS = "masks"
_AROUND = 8  # voxels of the store's grid that a crop shows around its box
_LPS = np.array([-1.0, -1.0, 1.0])
_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)


def write_query(
    folder: Path, scans: Scans, query: pd.DataFrame, answered: Labels = MappingProxyType({})
) -> None:
    """Everything that a person needs to label the boxes of `query`, a table with rank and score.

    answered: other boxes, which have labels already, shown where they lie in the same scans.
    masks/CASE.nii.gz, the file to draw into: 0, the labels of `answered`, and in the boxes the label
    `ignore`, which says: not labelled. images/CASE_0000.nii.gz, the scan, normalised, one file a channel.
    outlines/CASE.nii.gz: the edges of the boxes, numbered by rank. All three have the grid of the scan's
    own file. rois/: each box as a region of interest of 3D Slicer. crops/: each box with its surroundings,
    in the store's grid.
    query.csv: where the boxes lie, in voxels and in millimetres. dataset.json, labels.ctbl, labels.txt: the
    labels, for nnU-Net, 3D Slicer and ITK-SNAP. Raises OptionsError where the folder holds something.
    """
    boxes = boxes_of(query)
    ranks = dict(zip(boxes, query["rank"].tolist(), strict=True))
    with whole_folder(folder) as begun:
        with ProgressBar("writing scans", len(by_case(boxes))) as bar:
            for case, inside in by_case(boxes).items():
                _write_case(begun, scans, case, {box: ranks[box] for box in inside}, answered)
                bar.advance()
        write_names(begun, scans.classes)
        write_description(begun, scans, len(by_case(boxes)))
        box_table(query, scans.cases).to_csv(begun / TABLE, index=False, encoding=FOR_SPREADSHEETS)


def box_table(query: pd.DataFrame, cases: Mapping[str, Case]) -> pd.DataFrame:
    """The query with the place of each box: in voxels of the file, and in millimetres.

    first_i, first_j, first_k and length_i, ...: of the region in the array (x, y, z) of the file. ras_x,
    ...: the centre, in NIfTI's directions; lps_x, ...: in those of DICOM and ITK; mm_x, ...: the lengths
    along the axes of the store, which run closest to x, y and z.
    """
    rows = [_row(box, cases[box.case]) for box in boxes_of(query)]
    return pd.concat([query.reset_index(drop=True), pd.DataFrame(rows)], axis=1)


def _row(box: Box, case: Case) -> dict[str, Any]:
    region, where = covering(box, case), place(box, case)
    voxels = {f"first_{axis}": side.start for axis, side in zip("ijk", region, strict=True)}
    voxels |= {f"length_{axis}": side.stop - side.start for axis, side in zip("ijk", region, strict=True)}
    points = {"ras": where.centre, "lps": where.centre * _LPS, "mm": where.size}
    found = {
        f"{name}_{a}": round(float(v), 4) for name, p in points.items() for a, v in zip("xyz", p, strict=True)
    }
    return {"case": box.case, **voxels, **found}


def _write_case(folder: Path, scans: Scans, case_id: str, ranks: dict[Box, int], answered: Labels) -> None:
    case = scans.cases[case_id]
    before = [box for box in answered if box.case == case_id]
    mask = as_saved(painted(case, [*ranks, *before], answered), scans.classes)
    outlines = np.zeros(case.native.shape, np.uint16)
    for box, rank in ranks.items():
        _draw_edges(outlines, nearest(box, case), rank)
        _write_crop(folder / "crops", scans, box)
        _write_roi(folder / "rois", box, case)
    save(folder / MASKS / f"{case_id}{ENDING}", mask, case.native.affine)
    save(folder / "outlines" / f"{case_id}{ENDING}", outlines, case.native.affine)
    for number, channel in enumerate(scans.image(case_id)):
        path = folder / "images" / f"{case_id}_{number:04d}{ENDING}"
        save(path, image_to_native(channel, case), case.native.affine)


def _draw_edges(voxels: np.ndarray, region: Region, value: int) -> None:
    """The twelve edges of a region."""
    part = voxels[region]
    ends = np.zeros(part.shape, int)
    for number, n in zip(np.ogrid[tuple(slice(n) for n in part.shape)], part.shape, strict=True):
        ends = ends + ((number == 0) | (number == n - 1))
    part[ends >= 2] = value


def _write_crop(folder: Path, scans: Scans, box: Box) -> None:
    case = scans.cases[box.case]
    low = [max(0, first - _AROUND) for first in box.corner]
    high = [min(n, stop + _AROUND) for stop, n in zip(box.stop, case.shape, strict=True)]
    shown = Box(box.case, tuple(low), tuple(np.subtract(high, low).tolist()))  # type: ignore[arg-type]
    for number, channel in enumerate(scans.image(box.case)):
        path = folder / f"{box.id}_{number:04d}{ENDING}"
        save(path, np.asarray(channel[shown.slices]).T, cut_affine(shown, case))


def _write_roi(folder: Path, box: Box, case: Case) -> None:
    where = place(box, case)
    centre = (where.centre * _LPS).tolist()
    roi = {
        "type": "ROI",
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "labelFormat": box.id,
        "roiType": "Box",
        "center": centre,
        "orientation": (where.axes * _LPS[:, None]).ravel().tolist(),
        "size": where.size.tolist(),
        "insideOut": False,
        "controlPoints": [{"id": "1", "label": box.id, "position": centre, "positionStatus": "defined"}],
    }
    folder.mkdir(exist_ok=True)
    text = json.dumps({"@schema": _SCHEMA, "markups": [roi]}, indent=1)
    (folder / f"{box.id}.mrk.json").write_text(text)
