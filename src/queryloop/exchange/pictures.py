"""A query of images as pictures and a table to fill in."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from queryloop.exchange.writing import FOR_SPREADSHEETS, whole_folder

TABLE = "query.csv"
_SIDE = 256  # pixels: smaller images are shown enlarged


def write_pictures(folder: Path, images: np.ndarray, query: pd.DataFrame, classes: Sequence[str]) -> None:
    """query.csv with an empty column `label`, images/RANK.png, and classes.txt, the labels one may give.

    images: uint8 (n, H, W, C), those of the rows of `query` (sample_id, rank). Pictures are named by rank,
    for a sample's own name may tell its class. Raises OptionsError where the folder holds something.
    """
    # the last column is filled, for spreadsheets leave out empty cells at the end of rows
    names = [f"images/{rank:06d}.png" for rank in query["rank"]]
    table = pd.DataFrame({"sample_id": query["sample_id"], "rank": query["rank"], "label": "", "file": names})
    with whole_folder(folder) as begun:
        (begun / "images").mkdir()
        for name, image in zip(names, images, strict=True):
            picture(image).save(begun / name)
        table.to_csv(begun / TABLE, index=False, encoding=FOR_SPREADSHEETS)
        (begun / "classes.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")


def picture(image: np.ndarray) -> Image.Image:
    """One image, uint8 (H, W, C), small ones enlarged by a whole number; of many channels the first three."""
    shown = Image.fromarray(image[..., :3] if image.shape[2] >= 3 else image[..., 0])
    factor = ceil(_SIDE / max(shown.size))
    return shown.resize((shown.width * factor, shown.height * factor), Image.Resampling.NEAREST)
