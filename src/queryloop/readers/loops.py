"""nnActive's `loop_XXX.json`: the boxes that each loop added; loop 0 is the starting set, our cycle 1.

Coordinates are lowest voxels and lengths in the grid of the scan's file, in the order of the axes that
SimpleITK's arrays have: the axes of the file backwards, in whichever directions they run. Source:
nnActive (Lüth et al. 2025).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from queryloop.errors import BrokenFileError, MissingFilesError, examples
from queryloop.readers import content
from queryloop.voxels import Triple

_NAME = re.compile(r"loop_(\d{3,})\.json")


class Patch(BaseModel):
    """A box as a loop file has it."""

    file: str
    coords: Triple = (0, 0, 0)
    size: Triple | Literal["whole"]

    @property
    def case_id(self) -> str:
        """The scan that it lies in."""
        return re.sub(r"\.nii(\.gz)?$", "", self.file)


class _Loop(BaseModel):
    patches: list[Patch] = Field(min_length=1)


def loop_name(number: int) -> str:
    """The file of a loop, counted from 0."""
    return f"loop_{number:03d}.json"


def loop_files(folder: str | Path) -> list[Path]:
    """The files of the loops 0, 1, ... Raises MissingFilesError without any, BrokenFileError for a gap."""
    place = Path(folder).expanduser()
    numbers = {
        int(name[1]): path
        for path in (place.iterdir() if place.is_dir() else ())
        if (name := _NAME.fullmatch(path.name))
    }
    if not numbers:
        raise MissingFilesError(f"{folder}: there is no loop_000.json, loop_001.json, ... of nnActive.")
    lost = [loop_name(number) for number in range(max(numbers)) if number not in numbers]
    if lost:
        raise BrokenFileError(
            f"{folder}: {examples(lost)} {'is' if len(lost) == 1 else 'are'} missing: each loop holds only "
            "what it added, so that all are needed."
        )
    return [numbers[number] for number in sorted(numbers)]


def read_loop(path: Path) -> list[Patch]:
    """The boxes of one file, in its order. Raises BrokenFileError naming the entry that is wrong."""
    try:
        return _Loop.model_validate_json(content.contents(path)).patches
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        where = ".".join(map(str, wrong["loc"])) or "the file"
        raise BrokenFileError(f"{path}: {where}: {wrong['msg']}.") from None


def digest(folder: str | Path) -> str:
    """16 hexadecimal digits of what all loop files hold. Raises as `loop_files` does."""
    said = "".join(content.digest(path) for path in loop_files(folder))
    return hashlib.sha256(said.encode()).hexdigest()[:16]
