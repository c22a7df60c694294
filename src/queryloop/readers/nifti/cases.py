"""Which files make up a case, in the layout of the Decathlon and in that of nnU-Net."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from queryloop.errors import BrokenFileError, examples
from queryloop.readers.content import refusing
from queryloop.readers.dataset import Found
from queryloop.readers.listing import checked, inside
from queryloop.readers.nifti.description import ENDINGS, NAME, Description, described

logger = logging.getLogger(__name__)

_IMAGES, _LABELS, _FREE = "imagesTr", "labelsTr", "addTr"
_HELD_OUT = ("imagesVal", "labelsVal")  # where nnActive puts its test set


@dataclass(frozen=True)
class Files:
    """The files of one case, relative to the folder of the data set.

    images: one of all channels, or one for each. label: none for a scan that is to be labelled. free: labels
    that cost nothing, where there are some. is_test: the source holds it out.
    """

    case_id: str
    images: tuple[str, ...]
    label: str | None
    free: str | None = None
    is_test: bool = False

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [*self.images, *filter(None, (self.label, self.free))]


def search(folder: Path) -> Found:
    """dataset.json and the files of all cases. Raises BrokenFileError as `cases` does."""
    if not (folder / NAME).is_file():
        return [], [NAME]
    names = [name for files in cases(folder, described(folder)) for name in files.names]
    missing = [name for name in names if not (folder / name).is_file()]
    return [NAME, *names], [examples(missing)] if missing else []


def cases(folder: Path, description: Description) -> list[Files]:
    """The files of each case, in the order of their ids.

    Raises BrokenFileError for a case that occurs twice, and in nnU-Net's layout for a label without image,
    and missing or unknown channels.
    """
    found = _listed(folder, description) if description.ending is None else _numbered(folder, description)
    if not found:
        raise BrokenFileError(f"{description.path}: there are no training cases.")
    twice = [case_id for case_id, n in Counter(files.case_id for files in found).items() if n > 1]
    if twice:
        raise BrokenFileError(
            f"{description.path}: {len(twice)} cases occur more than once: {examples(twice)}. A case is "
            "named by the file of its image: rename or remove the others."
        )
    return sorted(found, key=lambda files: files.case_id)


def _listed(folder: Path, description: Description) -> list[Files]:
    """The Decathlon's layout: a list of images, each of all channels, and labels."""
    found = []
    for pair in description.training:
        image, label = inside(folder, pair.image), inside(folder, pair.label) if pair.label else None
        found.append(Files(_stem(image), (image,), label))
    left_out = {*_files(folder, _IMAGES), *_files(folder, _LABELS)} - {
        name for files in found for name in files.names
    }
    if left_out:
        logger.warning(
            "%s: %d files are not in its list of training cases and are left out: %s.",
            description.path,
            len(left_out),
            examples(sorted(left_out)),
        )
    return found


def _numbered(folder: Path, description: Description) -> list[Files]:
    """nnU-Net's layout, with the test set of nnActive where there is one."""
    place, labels = _HELD_OUT
    held_out = _cases_in(folder, description, place, labels)
    unknown = [files.case_id for files in held_out if files.label is None]
    if unknown:
        raise BrokenFileError(
            f"{folder / place}: {len(unknown)} scans have no labels: {examples(unknown)}. They are the test "
            f"set: add {labels}/CASE{description.ending}, or move them away."
        )
    train = _cases_in(folder, description, _IMAGES, _LABELS, _FREE)
    return [*train, *(replace(files, is_test=True) for files in held_out)]


def _cases_in(
    folder: Path, description: Description, place: str, labels: str, free: str | None = None
) -> list[Files]:
    """CASE_0000, CASE_0001, ... for the channels, and labels CASE, in folders of these names."""
    ending = description.ending or ""
    images: dict[str, list[str]] = {}
    for name in _files(folder, place):
        part = re.fullmatch(rf"{place}/(.+)_(\d{{4}}){re.escape(ending)}", name)
        if part is None:
            raise BrokenFileError(
                f"{folder / name}: expected a name like CASE_0000{ending} (case, channel): rename or "
                "remove it."
            )
        images.setdefault(part[1], []).append(part[2])
    _check_pairs(folder, images, ending, place, [labels, free] if free else [labels])
    _check_channels(folder / place, images, description)
    return [
        Files(
            case_id,
            tuple(f"{place}/{case_id}_{channel}{ending}" for channel in sorted(channels)),
            _there(folder, f"{labels}/{case_id}{ending}"),
            _there(folder, f"{free}/{case_id}{ending}") if free else None,
        )
        for case_id, channels in images.items()
    ]


def _check_pairs(
    folder: Path, images: Collection[str], ending: str, place: str, beside: Sequence[str]
) -> None:
    alone = [
        f"{kind}/{case_id}{ending} has no image {place}/{case_id}_0000{ending}"
        for kind in beside
        for case_id in _ids(folder, kind, ending)
        if case_id not in images
    ]
    if alone:
        raise BrokenFileError(
            f"{folder}: {len(alone)} files have no partner: {examples(alone)}. Add it, or move the file away."
        )


def _check_channels(place: Path, images: dict[str, list[str]], description: Description) -> None:
    expected = {f"{number:04d}": name for number, name in enumerate(description.channels)}
    wrong = []
    for case_id, channels in images.items():
        lacks = [f"{number} ({expected[number]})" for number in expected if number not in channels]
        wrong += [f"{case_id} lacks channel {', '.join(lacks)}"] * bool(lacks)
        more = [number for number in sorted(channels) if number not in expected]
        wrong += [f"{case_id} has channel {', '.join(more)}"] * bool(more)
    if wrong:
        raise BrokenFileError(
            f"{place}: channels of {len(wrong)} cases differ from the {len(expected)} that {NAME} "
            f"names ({', '.join(description.channels)}): {examples(wrong)}. Add or remove files, or correct "
            f"{NAME}."
        )


def _ids(folder: Path, name: str, ending: str) -> list[str]:
    return [Path(file).name.removesuffix(ending) for file in _files(folder, name)]


def _there(folder: Path, name: str) -> str | None:
    return name if (folder / name).is_file() else None


def _files(folder: Path, name: str) -> list[str]:
    """The files in a folder of the data set, hidden ones (as macOS leaves them in archives) left out."""
    if not (folder / name).is_dir():
        return []
    with refusing(folder / name, "cannot be listed"):
        found = sorted(f"{name}/{p.name}" for p in (folder / name).iterdir() if p.name[0] != ".")
    return [checked(folder, file) for file in found]


def _stem(name: str) -> str:
    base = Path(name).name
    return next((base.removesuffix(ending) for ending in ENDINGS if base.endswith(ending)), base)
