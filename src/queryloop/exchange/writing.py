"""Folders that appear whole, and NIfTI files that every viewer places alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel
import numpy as np

from queryloop.errors import OptionsError, QueryloopError, StateError, cause
from queryloop.folders import temporary_folder

ENDING = ".nii.gz"
FOR_SPREADSHEETS = "utf-8-sig"  # without the mark some take the text of a CSV for that of their country


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `folder` when the block ends without an error.

    Raises OptionsError where `folder` holds something, StateError where the disk refuses.
    """
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OptionsError(
            f"{folder} is there already, and what somebody wrote into it must not be lost: name another "
            "folder, or move it away."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder.parent, f".{folder.name}.") as hidden:
            begun = hidden / folder.name
            begun.mkdir()
            yield begun
            begun.replace(folder)
    except QueryloopError:  # of which one is an OSError, too
        raise
    except OSError as error:
        raise StateError(
            f"cannot write {folder}: {cause(error)}. Nothing of it was kept: make room or let the "
            "file be read or written, and give the same command again."
        ) from error


def save(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Write (x, y, z) as NIfTI. affine: (4, 4) to millimetres RAS, written in both places of the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(voxels, affine)
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")  # ITK and its viewers read this one
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
