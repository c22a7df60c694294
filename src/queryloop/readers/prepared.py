"""Scans in the grids of their files, to a volume set of one spacing and one scale."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np

from queryloop.errors import BrokenFileError, examples
from queryloop.options import DataOptions
from queryloop.readers.grid import (
    image_to_store,
    is_oblique,
    is_resampled,
    labels_to_store,
    median_spacing,
    placed,
)
from queryloop.readers.intensity import Scale, bright, foreground, scales
from queryloop.readers.volumes import Case, FileGrid, Millimetres, Volume, VolumeSet
from queryloop.voxels import IGNORE

logger = logging.getLogger(__name__)

_MOST = 500  # times as many voxels as a file has, that a case of the store may have


@dataclass(frozen=True, eq=False)
class RawScan:
    """A case as its files hold it.

    image: (C, x, y, z). labels: (x, y, z) uint8, IGNORE where nobody labelled. free: labels that cost
    nothing, likewise.
    """

    image: np.ndarray
    labels: np.ndarray
    free: np.ndarray | None = None


Load = Callable[[str], RawScan]


def volume_set(
    grids: Mapping[str, FileGrid],
    load: Load,
    classes: Sequence[str],
    channels: Sequence[str],
    options: DataOptions,
    unlabelled: Sequence[str] = (),
    test: Sequence[str] = (),
) -> VolumeSet:
    """The cases of `grids`, by id, as the store keeps them; `load` reads one.

    unlabelled: cases that nobody has labelled; where there are some, the others are the test set. test: cases
    that the source says to test on. The scale of CT is that of the cases that are in neither test set.

    Raises BrokenFileError as `load` does, here already where the scale is that of the data set.
    """
    target = options.spacing or median_spacing(list(grids.values()))
    cases = [placed(case_id, grid, target) for case_id, grid in grids.items()]
    _check_sizes(cases, target)
    _tell(cases, target)
    pool = unlabelled or [case_id for case_id in grids if case_id not in test]
    scale = scales(channels, options.normalisation, lambda: _measured(pool, load, bool(unlabelled)))
    volumes = partial(_volumes, cases, load, scale)
    return VolumeSet(cases, tuple(classes), tuple(channels), volumes, unlabelled, test)


def refusal(broken: Sequence[BrokenFileError], total: int) -> BrokenFileError:
    """One error that names all cases that cannot be read."""
    if len(broken) == 1:
        return broken[0]
    told = examples([f"({n}) {str(error).rstrip('.')}" for n, error in enumerate(broken, start=1)])
    return BrokenFileError(f"{len(broken)} of {total} cases cannot be read: {told}.")


def _check_sizes(cases: Sequence[Case], target: Millimetres) -> None:
    """Refuse a case of which resampling would make very many voxels: its spacing is of another unit."""
    for case in cases:
        times = prod(case.shape) / prod(case.native.shape)
        if times > _MOST:
            raise BrokenFileError(
                f"{case.sample_id}: at {_sides(target)} mm (z, y, x) it would have {_sides(case.shape)} "
                f"voxels, {times:,.0f} times those of its file: correct the spacing in its header, or set "
                "data.spacing."
            )


def _sides(numbers: Sequence[float]) -> str:
    return " x ".join(f"{number:.6g}" for number in numbers)


def _tell(cases: Sequence[Case], target: Millimetres) -> None:
    spacing = " x ".join(f"{mm:.3g}" for mm in target)
    resampled = sum(map(is_resampled, cases))
    logger.info("%d cases at %s mm (z, y, x), %d resampled to that spacing.", len(cases), spacing, resampled)
    oblique = [case.sample_id for case in cases if is_oblique(case.native)]
    if oblique:
        logger.info("%d are oblique and keep their own axes: %s.", len(oblique), examples(oblique))


def _measured(ids: Sequence[str], load: Load, is_unlabelled: bool) -> Iterator[np.ndarray]:
    """What a scale is measured on, a case at a time: foreground, or what stands out where nobody labelled."""
    for scan in _readable(ids, load):
        yield bright(scan.image) if is_unlabelled else foreground(scan.image, scan.labels)


def _volumes(cases: Sequence[Case], load: Load, scale: Sequence[Scale]) -> Iterator[Volume]:
    empty = []
    scans = _readable([case.sample_id for case in cases], load)
    for case in cases:
        volume = _volume(case, next(scans), scale)
        empty += [case.sample_id] * _is_empty(volume)
        yield volume
        del volume  # before the next one is read
    next(scans, None)
    if empty:
        logger.info("%d of %d cases have no foreground: %s.", len(empty), len(cases), examples(empty))


def _is_empty(volume: Volume) -> bool:
    """Whether somebody looked, and found nothing but background."""
    labels = volume.labels if volume.native_labels is None else volume.native_labels
    return bool((labels == 0).any()) and not ((labels != 0) & (labels != IGNORE)).any()


def _readable(ids: Sequence[str], load: Load) -> Iterator[RawScan]:
    """The scans, in order; after one that cannot be read the rest is only searched for more."""
    broken: list[BrokenFileError] = []
    for case_id in ids:
        try:
            scan = load(case_id)
        except BrokenFileError as error:
            broken.append(error)
            continue
        if not broken:
            yield scan
        del scan
    if broken:
        raise refusal(broken, len(ids))


def _volume(case: Case, scan: RawScan, scale: Sequence[Scale]) -> Volume:
    image = np.empty((len(scale), *case.shape), np.float32)
    for i, of in enumerate(scale):
        image[i] = image_to_store(of(scan.image[i]), case)
    return Volume(
        case,
        image=image,
        labels=labels_to_store(scan.labels, case),
        free=None if scan.free is None else labels_to_store(scan.free, case),
        native_labels=scan.labels if is_resampled(case) else None,
    )
