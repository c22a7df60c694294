"""dataset.json: what was measured, which labels there are, and where the files lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from queryloop.errors import BrokenFileError
from queryloop.readers.content import contents, refusing
from queryloop.voxels import IGNORE

NAME = "dataset.json"
ENDINGS = (".nii.gz", ".nii")


class Pair(BaseModel):
    """An entry of the Decathlon's list of training cases; without label where nobody labelled it."""

    image: str
    label: str | None = None


class _Json(BaseModel):
    labels: dict[str, int | str | list[int]]
    channels: dict[str, str] = Field(validation_alias=AliasChoices("channel_names", "modality"))
    file_ending: str | None = None
    training: list[Pair] | None = None


@dataclass(frozen=True)
class Description:
    """What dataset.json says.

    classes: names by label. ignore: the label in the files that stands for none, if there is one.
    ending: of all files, in nnU-Net's layout. training: the cases, in the Decathlon's.
    """

    path: Path
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    ignore: int | None
    ending: str | None
    training: list[Pair]


def described(folder: Path) -> Description:
    """The description in a folder. Raises BrokenFileError naming the key that is wrong."""
    path = folder / NAME
    with refusing(path, "is no text in UTF-8: save it in that encoding"):
        text = contents(path).decode("utf-8-sig")
    try:
        found = _Json.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise BrokenFileError(f"{path}: {key}: {first['msg']}.") from None
    if found.file_ending is None and found.training is None:
        raise BrokenFileError(
            f"{path}: has neither file_ending (as nnU-Net writes it) nor a list training (as the Medical "
            "Segmentation Decathlon does): add the one that fits the layout of the folder."
        )
    if found.file_ending not in (None, *ENDINGS):
        raise BrokenFileError(
            f"{path}: file_ending is {found.file_ending!r}, but only NIfTI is read: convert the files to "
            ".nii.gz."
        )
    classes, ignore = _classes(path, found.labels)
    return Description(
        path, classes, _channels(path, found.channels), ignore, found.file_ending, found.training or []
    )


def _channels(path: Path, found: Mapping[str, str]) -> tuple[str, ...]:
    if sorted(found) != sorted(map(str, range(len(found)))) or not found:
        raise BrokenFileError(f"{path}: channels are numbered {_listed(found)}, expected 0, 1, ...")
    return tuple(found[str(number)] for number in range(len(found)))


def _classes(path: Path, found: Mapping[str, int | str | list[int]]) -> tuple[tuple[str, ...], int | None]:
    """Names by label, and the label to ignore, from nnU-Net's names or the Decathlon's numbers."""
    named = _by_name(path, found)
    ignore = named.pop("ignore", None)
    expected = list(range(len(named)))
    if sorted(named.values()) != expected or len(named) < 2 or len(named) > IGNORE:
        raise BrokenFileError(
            f"{path}: labels are {_listed(sorted(named.values()))}, expected 0 for the background, and 1, "
            f"2, ... for up to {IGNORE - 1} classes."
        )
    if ignore not in (None, len(named)):
        raise BrokenFileError(
            f"{path}: the label to ignore is {ignore}, expected {len(named)}, the one after the last class."
        )
    return tuple(sorted(named, key=named.__getitem__)), ignore


def _by_name(path: Path, found: Mapping[str, int | str | list[int]]) -> dict[str, int]:
    regions = [name for name, label in found.items() if isinstance(label, list)]
    if regions:
        raise BrokenFileError(
            f"{path}: {regions[0]!r} is a region of several labels, which is not supported: give every "
            "label a class of its own."
        )
    if all(name.isdecimal() for name in found):
        pairs = [(str(name), int(number)) for number, name in found.items()]
    else:
        pairs = [(name, _number(path, name, label)) for name, label in found.items()]
    if len(dict(pairs)) < len(pairs):
        raise BrokenFileError(f"{path}: two labels have the same name among {_listed(n for n, _ in pairs)}.")
    return dict(pairs)


def _number(path: Path, name: str, label: object) -> int:
    try:
        return int(str(label))
    except ValueError:
        raise BrokenFileError(f"{path}: label {name!r} is {label!r}, expected a whole number.") from None


def _listed(items: object) -> str:
    return ", ".join(map(str, items))  # type: ignore[call-overload]
