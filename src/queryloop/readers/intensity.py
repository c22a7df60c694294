"""What intensities of a scan become: numbers around 0, of the case's own or of the data set's scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import ceil

import numpy as np

from queryloop.errors import BrokenFileError
from queryloop.options import Normalisation
from queryloop.voxels import IGNORE

Scale = Callable[[np.ndarray], np.ndarray]
"""From the intensities of one channel of a case to float32 of the same shape."""

_SHARE = 100_000  # foreground voxels of a case, at most, that the scale of a data set is measured on


def scales(
    channels: Sequence[str], how: Normalisation, foregrounds: Callable[[], Iterator[np.ndarray]]
) -> list[Scale]:
    """The scale of each channel.

    foregrounds: iterates over cases and gives (C, n) intensities of each one's foreground; only where a
    channel's scale is that of the data set. Raises BrokenFileError where there is no foreground.
    """
    kinds = [_kind(channel) if how == "auto" else how for channel in channels]
    if "ct" not in kinds:
        return [_OF_A_CASE[kind] for kind in kinds]
    found = [_thinned(values) for values in foregrounds()]
    if not any(values.size for values in found):
        raise BrokenFileError(
            "no case has any foreground, those of the test set apart, and the scale of CT is measured on it: "
            "label some voxels, or set data.normalisation:z_score."
        )
    measured = np.concatenate(found, axis=1)
    return [
        clipped(values) if kind == "ct" else _OF_A_CASE[kind]
        for kind, values in zip(kinds, measured, strict=True)
    ]


def foreground(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Intensities (C, n) of the voxels that a class other than the background has."""
    return image[:, (labels != 0) & (labels != IGNORE)]


def bright(image: np.ndarray) -> np.ndarray:
    """Intensities (C, n) of the voxels above the mean of a channel, which leaves out most of the air.

    In the place of the foreground where nobody labelled. Source: TorchIO (Pérez-García et al. 2021).
    """
    return image[:, (image > image.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float64)).any(axis=0)]


def z_score(values: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1 over the voxels of the case."""
    centred = values - np.float32(values.mean(dtype=np.float64))
    centred /= np.float32(np.sqrt(np.square(centred).mean(dtype=np.float64)))  # std() would copy to float64
    return centred


def clipped(foreground: np.ndarray) -> Scale:
    """The CT scale of nnU-Net: clipped to the middle 99% of the foreground, then its mean and deviation."""
    low, high = np.percentile(foreground, [0.5, 99.5])
    mean, deviation = foreground.mean(dtype=np.float64), foreground.std(dtype=np.float64)
    return partial(_clip, float(low), float(high), float(mean), max(float(deviation), 1e-8))


def _clip(low: float, high: float, mean: float, deviation: float, values: np.ndarray) -> np.ndarray:
    return ((np.clip(values, low, high) - mean) / deviation).astype(np.float32, copy=False)


def _as_it_is(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32, copy=False)


_OF_A_CASE: dict[str, Scale] = {"z_score": z_score, "none": _as_it_is}


def _kind(channel: str) -> str:
    return {"ct": "ct", "nonorm": "none"}.get(channel.casefold(), "z_score")


def _thinned(values: np.ndarray) -> np.ndarray:
    step = max(1, ceil(values.shape[1] / _SHARE))
    return values[:, ::step].copy()  # a view would keep the whole case alive
