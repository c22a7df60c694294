"""What lies below a folder of images, and the one door through which names become files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from queryloop.errors import BrokenFileError
from queryloop.readers.content import refusing

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif")
FOREIGN = (".heic", ".heif", ".avif", ".jxl", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".dcm")
"""Listed as well, to be refused by name where they are read: an image is not overlooked."""


@dataclass
class Listing:
    """images: ids (POSIX paths relative to the folder), sorted. folders: those of visible folders, unsorted.

    others, hidden: numbers of files that are no images, and of hidden files and folders.
    """

    images: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    others: int = 0
    hidden: int = 0


def listing(root: Path) -> Listing:
    """The images below `root`, in the order of their ids, whatever that of the file system.

    Raises BrokenFileError for a link to a folder, a link that leaves `root`, a name that is not UTF-8 or has
    a space at an end, and a folder that cannot be read.
    """
    found = Listing()
    with refusing(root, "cannot be listed"):
        for place, folders, files in os.walk(root, onerror=_refuse):
            here = "" if place == str(root) else Path(place).relative_to(root).as_posix() + "/"
            found.hidden += sum(name.startswith(".") for name in (*folders, *files))
            folders[:] = [name for name in folders if not name.startswith(".")]
            visible = [name for name in files if not name.startswith(".")]
            images = [name for name in visible if name.lower().endswith((*SUFFIXES, *FOREIGN))]
            found.others += len(visible) - len(images)
            found.folders += [checked(root, here + name, folder=True) for name in folders]
            found.images += [checked(root, here + name) for name in images]
    found.images.sort()
    return found


def inside(root: Path, name: str) -> str:
    """The id of the file called `name`, relative to `root`; both `/` and `\\` separate folders.

    The one way from a name that somebody wrote to a file. Raises BrokenFileError for an absolute path, and
    for a name that leads out of `root`, by itself or by a link.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive:
        raise BrokenFileError(
            f"{root}: {name!r} is an absolute path: name files by their paths below this folder, without it."
        )
    leaves = "\0" in name or ".." in path.parts
    if leaves or not Path(os.path.realpath(root / path)).is_relative_to(os.path.realpath(root)):
        raise BrokenFileError(
            f"{root}: {name!r} leads out of this folder: nothing outside of it is read. Put the file itself "
            "there, and name it by its path below this folder."
        )
    return path.as_posix()


def checked(root: Path, name: str, *, folder: bool = False) -> str:
    """The name of a file or folder below `root`, if a table can hold it. Raises BrokenFileError."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BrokenFileError(f"{root}: the name {os.fsencode(name)!r} is not UTF-8: rename it.") from None
    if (own := name.rpartition("/")[2]) != own.strip():
        raise BrokenFileError(
            f"{root}: the name {name!r} begins or ends with a space, which tables of labels do not keep: "
            "rename it."
        )
    if os.path.islink(f"{root}/{name}"):  # noqa: PTH114 - a path made of each name would take much longer
        if folder:
            raise BrokenFileError(f"{root / name}: is a link to a folder: put the folder itself there.")
        inside(root, name)
    return name


def _refuse(error: OSError) -> None:
    raise error
