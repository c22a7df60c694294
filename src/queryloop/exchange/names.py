"""Numbers, names and colours of labels, as other tools read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from queryloop.boxes.box import Box

Labels = Mapping[Box, np.ndarray]
"""Of each box, uint8 of its size, IGNORE where nobody labelled."""

SLICER, SNAP = "labels.ctbl", "labels.txt"
_COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
_GREY = (128, 128, 128)


def not_labelled(classes: tuple[str, ...]) -> int:
    """The label in files of voxels that nobody labelled, as nnU-Net has it: the one after the last class."""
    return len(classes)


def write_names(folder: Path, classes: Sequence[str]) -> None:
    """A colour table for 3D Slicer and label descriptions for ITK-SNAP.

    classes: names by label, the background first; the label after the last one is `ignore`, in grey.
    """
    labels = [*enumerate(classes), (len(classes), "ignore")]
    table = [f"{n} {'_'.join(name.split())} {_rgb(n, classes)} {255 * (n > 0)}" for n, name in labels]
    shown = [f'{n} {_rgb(n, classes)} {int(n > 0)} {int(n > 0)} {int(n > 0)} "{name}"' for n, name in labels]
    (folder / SLICER).write_text("".join(f"{line}\n" for line in table), encoding="utf-8")
    (folder / SNAP).write_text("".join(f"{line}\n" for line in shown), encoding="utf-8")


def _rgb(number: int, classes: Sequence[str]) -> str:
    if number == 0:
        return "0 0 0"
    colour = _GREY if number == len(classes) else _COLOURS[(number - 1) % len(_COLOURS)]
    return " ".join(map(str, colour))
