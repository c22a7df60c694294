"""A folder of NIfTI files to a volume set."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from queryloop.errors import BrokenFileError, OptionsError, examples
from queryloop.options import DataOptions
from queryloop.progress import ProgressBar
from queryloop.randomness import bits_by_id
from queryloop.readers.dataset import Source
from queryloop.readers.nifti import file
from queryloop.readers.nifti.cases import Files, cases
from queryloop.readers.nifti.description import Description, described
from queryloop.readers.prepared import RawScan, refusal, volume_set
from queryloop.readers.volumes import FileGrid, VolumeSet
from queryloop.voxels import IGNORE

logger = logging.getLogger(__name__)


def read(source: Source, _classes: Sequence[str], options: DataOptions) -> VolumeSet:
    """The cases of a source. Raises BrokenFileError naming all whose headers do not fit together.

    Raises OptionsError where there are fewer than data.cases.
    """
    description = described(source.folder)
    listed = _drawn(cases(source.folder, description), options.cases, source.folder)
    found = {files.case_id: files for files in listed}
    unlabelled = [case_id for case_id, files in found.items() if files.label is None]
    _check_labels(source.folder, unlabelled, len(found), options)
    return volume_set(
        _grids(source.folder, list(found.values()), description),
        lambda case_id: _scan(source.folder, found[case_id], description),
        description.classes,
        description.channels,
        options,
        unlabelled,
        [case_id for case_id, files in found.items() if files.is_test],
    )


def _check_labels(folder: Path, unlabelled: Sequence[str], n_scans: int, options: DataOptions) -> None:
    if unlabelled and not options.unlabelled:
        raise BrokenFileError(
            f"{folder}: {len(unlabelled)} scans have no labels: {examples(unlabelled)}. Add them, or "
            "take these scans as the pool that people label, and the others as the test set, with "
            "data.unlabelled:true,start.sampler:random,start.all_classes:false,oracle.name:people."
        )
    if n_scans and len(unlabelled) == n_scans:
        drawn = f" that data.cases:{options.cases} draws" if options.cases else ""
        raise BrokenFileError(
            f"{folder}: none of {n_scans} scans{drawn} has labels, and nothing could be measured: label a "
            f"few whole scans, which are then the test set{', or draw more' if drawn else ''}."
        )


def _drawn(listed: list[Files], n: int | None, folder: Path) -> list[Files]:
    """n of the cases, in their order, of a fixed test set its share: larger draws hold the smaller ones."""
    if n is None:
        return listed
    if n > len(listed):
        raise OptionsError(
            f"data.cases is {n}, but {folder} holds {len(listed)} scans: {len(listed)} or fewer."
        )
    order = np.argsort(bits_by_id(0, 0, "cases of a small data set", [files.case_id for files in listed]))
    is_test = np.array([listed[number].is_test for number in order])
    n_test = max(round(n * is_test.mean()), int(is_test.any()))
    drawn = [*order[is_test][:n_test], *order[~is_test][: n - n_test]]
    return [listed[number] for number in sorted(drawn)]


def _grids(folder: Path, found: Sequence[Files], description: Description) -> dict[str, FileGrid]:
    grids, broken = {}, []
    with ProgressBar("reading headers", len(found)) as bar:
        for files in found:
            try:
                grids[files.case_id] = _grid(folder, files, description)
            except BrokenFileError as error:
                broken.append(error)
            bar.advance()
    if broken:
        raise refusal(broken, len(found))
    _tell_of_unsure([files.case_id for files in found if not file.is_placed(folder / files.names[0])])
    return grids


def _tell_of_unsure(unsure: Sequence[str]) -> None:
    if unsure:
        logger.warning(
            "The headers of %d scans leave open which way they lie (neither sform nor qform has a code, or "
            "they differ): other programs may place them otherwise, or mirrored: %s.",
            *(len(unsure), examples(unsure)),
        )


def _grid(folder: Path, files: Files, description: Description) -> FileGrid:
    """The grid that all files of a case share."""
    several = () if description.ending else description.channels
    image, *others = [folder / name for name in files.names]
    expected = file.grid(image, several)
    for path in others:
        file.check_same(path, file.grid(path), image, expected)
    return expected


def _scan(folder: Path, files: Files, description: Description) -> RawScan:
    several = len(files.images) > 1
    channels = [[name] for name in description.channels] if several else [description.channels]
    images = [file.image(folder / name, of) for name, of in zip(files.images, channels, strict=True)]
    classes = description.classes
    ignored = [] if description.ignore is None else [description.ignore]
    image = np.concatenate(images) if several else images[0]
    return RawScan(
        image=image,
        labels=(
            file.labels(folder / files.label, classes, ignored)
            if files.label
            else np.full(image.shape[1:], IGNORE, np.uint8)
        ),
        free=file.labels(folder / files.free, classes, [*ignored, IGNORE]) if files.free else None,
    )
