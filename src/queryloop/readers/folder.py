"""A folder of image files whose classes are its folders, or stand in a CSV."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from queryloop.errors import BrokenFileError, examples
from queryloop.options import DataOptions
from queryloop.readers.dataset import Found, Source
from queryloop.readers.images import ImageSet, tell_of_empty
from queryloop.readers.labels import SPLITS, composed, labelled
from queryloop.readers.listing import SUFFIXES, Listing, listing
from queryloop.readers.table import LABELS

logger = logging.getLogger(__name__)

_LABELS = "labels.csv"


@dataclass(frozen=True)
class Table:
    """A layout: a CSV, and images in a folder beside it (or, by default, below the CSV's own).

    label: what the column of labels may be called.
    """

    name: str
    images: str = ""
    label: Collection[str] = LABELS

    def search(self, folder: Path) -> Found:
        """The CSV, and all images whether it names them or not."""
        images = folder / self.images
        there = listing(images).images if images.is_dir() else []
        lacks_table = not (folder / self.name).is_file()
        missing = [self.name] * lacks_table + [f"images in {self.images or '.'}/"] * (not there)
        prefix = f"{self.images}/" if self.images else ""
        return [self.name, *(prefix + name for name in there)], missing

    def read(self, source: Source, classes: Sequence[str], options: DataOptions) -> ImageSet:
        """The images that the CSV names. Raises BrokenFileError naming files or lines."""
        table, images = source.folder / self.name, source.folder / self.images
        found = listing(images)
        there, skip = frozenset(found.images), options.on_error == "skip"
        samples = labelled(table, images, there, classes, self.label, skip=skip)
        others = found.others - (not self.images)  # the CSV itself is no image either
        unnamed = f"{len(found.images) - len(samples)} images without label, "
        left_out = f"{unnamed}{_ignored(others, found)}"
        return _image_set(table, source.folder, samples, classes, left_out, options)


def search(folder: Path) -> Found:
    """The images below `folder`, and before them its CSV if there is one.

    A CSV is labels.csv, or else the only one. Raises BrokenFileError where it is not clear which CSV is
    meant, or whether a CSV or the folders say the class.
    """
    if not folder.is_dir():
        return [], ["the folder itself"]
    name = _table(folder)
    if name is not None:
        return Table(name).search(folder)
    images = listing(folder).images
    return images, [] if images else [f"images ({', '.join(SUFFIXES)})"]


def read(source: Source, classes: Sequence[str], options: DataOptions) -> ImageSet:
    """The images with their classes and splits, in the order of their ids. Raises BrokenFileError."""
    name = _table(source.folder)
    if name is not None:
        return Table(name).read(source, classes, options)
    found = listing(source.folder)
    samples = _by_folder(source.folder, found)
    left_out = _ignored(found.others, found)
    return _image_set(source.folder, source.folder, samples, classes, left_out, options)


def _table(folder: Path) -> str | None:
    tables = sorted(p.name for p in folder.iterdir() if p.suffix.lower() == ".csv" and p.name[0] != ".")
    if _LABELS in tables or not tables:
        return _LABELS if tables else None
    if len(tables) > 1:
        raise BrokenFileError(
            f"{folder}: {len(tables)} tables ({examples(tables)}): rename the one with the "
            f"labels to {_LABELS}, or move them away if the folders are the classes."
        )
    images = listing(folder).images
    if len({_class(name, _depth(images)) for name in images} - {None}) > 1:
        raise BrokenFileError(
            f"{folder}: {tables[0]} and the folders could both say the class: rename the table to {_LABELS} "
            "if it does, or move it away."
        )
    return tables[0]


def _by_folder(root: Path, found: Listing) -> pd.DataFrame:
    """The samples, classes and splits said by the folders."""
    depth = _depth(found.images)
    labels = [_class(name, depth) for name in found.images]
    if astray := [name for name, label in zip(found.images, labels, strict=True) if label is None]:
        raise BrokenFileError(
            f"{root}: {len(astray)} images lie in no class folder: {examples(astray)}. Put each into "
            f"a folder named by its class, or a table {_LABELS} (columns file and label) beside the images."
        )
    _check_tops(root, found.images, depth)
    _name_empty(root, found, depth)
    splits = [SPLITS[name.split("/")[0].lower()] if depth else "train" for name in found.images]
    return pd.DataFrame({"sample_id": found.images, "label": labels, "split": splits}, dtype="str")


def _depth(images: Sequence[str]) -> int:
    """How many folders lie above the class folders: 1 if the top folders are the splits, else 0."""
    tops = {name.split("/")[0].lower() for name in images if "/" in name}
    return int(bool(tops) and tops <= SPLITS.keys())


def _class(name: str, depth: int) -> str | None:
    folders = name.split("/")[:-1]
    return composed(folders[depth]) if len(folders) > depth else None


def _check_tops(root: Path, images: Sequence[str], depth: int) -> None:
    tops = sorted({name.split("/")[0] for name in images})
    splits = [top for top in tops if top.lower() in SPLITS]
    if not depth and len(splits) > 1 and {"train", "training"} & {top.lower() for top in splits}:
        others = [top for top in tops if top not in splits]
        raise BrokenFileError(
            f"{root}: {' and '.join(splits)} stand beside {examples(others)}, so that it is not clear "
            "whether the folders are splits or classes: move one or the other away."
        )
    if not depth:
        _refuse_alike(root, images)


def _refuse_alike(root: Path, images: Sequence[str]) -> None:
    """Folders that all hold the same folders, and no image beside them, are splits rather than classes."""
    below: dict[str, set[str]] = {}
    for name in images:
        top, *rest = name.split("/")
        below.setdefault(top, set()).add(rest[0] if len(rest) > 1 else "")
    inner = next(iter(below.values()))
    if len(below) > 1 and len(inner) > 1 and "" not in inner and all(b == inner for b in below.values()):
        raise BrokenFileError(
            f"{root}: {examples(sorted(below))} hold the same folders, {examples(sorted(inner))}, so that it "
            f"is not clear which of them are the classes. If {examples(sorted(inner))} are, name the folders "
            f"above them as splits ({', '.join(SPLITS)}), or move all images into one folder for each class; "
            f"else say the class in a table {_LABELS} (columns file and label) beside the folders."
        )


def _name_empty(root: Path, found: Listing, depth: int) -> None:
    full = {"/".join(name.split("/")[: depth + 1]) for name in found.images}
    tops, classes = ({name.split("/")[i] for name in full} for i in (0, depth))
    empty = [
        name
        for name in sorted(set(found.folders) - full)
        if name.count("/") == depth
        and (not depth or name.split("/")[0] in tops)
        and name.split("/")[-1] not in classes
    ]
    if empty:
        logger.warning("%s: folders without images are no classes: %s.", root, examples(empty))


def _image_set(
    said_by: Path,
    root: Path,
    samples: pd.DataFrame,
    classes: Sequence[str],
    left_out: str,
    options: DataOptions,
) -> ImageSet:
    from queryloop.readers.decoded import image_set

    named = sorted(set(samples["label"].dropna()))
    if len(named) < 2:
        raise BrokenFileError(
            f"{said_by}: {_few(samples['label'], named)}, but classification needs two classes or more. The "
            "class is the first folder below raw_root (or below train/ and test/ there), or stands in a "
            f"table {_LABELS}, where only images of the split train may have none, for people to label."
        )
    _name_alike(said_by, named)
    images = image_set(root, samples, options)
    told = f"{len(images.samples)} images of {len(named)} classes"
    logger.info("%s: %s; left out: %s.", said_by, told, left_out)
    tell_of_empty(said_by, images.samples, classes)
    return images


def _few(labels: pd.Series, named: Sequence[str]) -> str:
    """What is said of fewer than two classes."""
    n = labels.notna().sum()
    if not named:
        return f"none of {len(labels)} images has a label"
    if n < len(labels):
        return f"{n} of {len(labels)} images have a label, and of one class ({named[0]})"
    return f"all {n} images are of one class ({named[0]})"


def _name_alike(said_by: Path, classes: Sequence[str]) -> None:
    spelled = Counter(name.casefold() for name in classes)
    if alike := [name for name in classes if spelled[name.casefold()] > 1]:
        logger.warning(
            "%s: %s are taken for different classes: if they are not, give them one name.",
            said_by,
            examples(alike),
        )


def _ignored(others: int, found: Listing) -> str:
    return f"{others} files that are no images, {found.hidden} hidden"
