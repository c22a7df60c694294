"""Folders that appear whole, and NIfTI files that every viewer places alike."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel
import numpy as np

from queryloop.errors import OptionsError, StateError

ENDING = ".nii.gz"
FOR_SPREADSHEETS = "utf-8-sig"  # without the mark some take the text of a CSV for that of their country
_UNFINISHED = ".unfinished"


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
        _remove_abandoned(folder)
        with _begun(folder) as begun:
            yield begun
            begun.replace(folder)
    except OSError as error:
        raise StateError(
            f"cannot write {folder}: {error.strerror}. Nothing of it was kept: make room or make the folder "
            "writable, and give the same command again."
        ) from error


@contextmanager
def _begun(folder: Path) -> Iterator[Path]:
    """A new folder in a hidden one beside `folder`, which is locked for as long as its writer lives."""
    made = TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.", suffix=_UNFINISHED)
    with made as hidden, _locked(Path(hidden)):
        begun = Path(hidden) / folder.name
        begun.mkdir()
        yield begun


def _remove_abandoned(folder: Path) -> None:
    """Delete what writers of `folder` left that were killed."""
    for hidden in folder.parent.glob(f".{escape(folder.name)}.*{_UNFINISHED}"):
        with suppress(FileNotFoundError), _locked(hidden) as alone:
            if alone:
                shutil.rmtree(hidden)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder, and tell whether it was to be had: not all file systems have locks."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def save(path: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Write (x, y, z) as NIfTI. affine: (4, 4) to millimetres RAS, written in both places of the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(voxels, affine)
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")  # ITK and its viewers read this one
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
