"""The one scoring pass over the pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from queryloop.errors import NonFiniteRowsError
from queryloop.progress import ProgressBar
from queryloop.training.compute import Compute, isolated
from queryloop.training.pixels import Pixels, load

_BATCH = 512
_PIXELS = _BATCH * 64**2  # of a batch, so that large images need no more memory than a training does
_LEAST = 16

N = TypeVar("N", bound=nn.Module)
Reduction = Callable[[Sequence[N], Tensor], dict[str, Tensor]]


def predict(
    networks: Sequence[N],
    reduce: Reduction[N],
    images: np.ndarray,
    rows: np.ndarray,
    pixels: Pixels,
    compute: Compute,
    batch: int | None = None,
) -> dict[str, Tensor]:
    """Run networks in eval mode over rows of the images, in the order given.

    reduce: from the networks and one batch of input (B, C, H, W) to named tensors (B, ...). images:
    (M, H, W, C) uint8, or features (M, D) fp32. batch: None takes 512 rows, fewer of images larger than 64
    pixels. Returns the named tensors with N rows, on the CPU. Never more than one batch is there as floats.
    Raises NonFiniteRowsError.
    """
    batch = batch or _batch(networks, images)
    with ProgressBar("scoring", len(rows)) as bar:
        return collected(networks, reduce, images, rows, pixels, compute, batch, bar.advance)


def _batch(networks: Sequence[nn.Module], images: np.ndarray) -> int:
    if images.ndim == 2:
        return _BATCH
    sides = [getattr(network, "resolution", None) or 0 for network in networks]
    pixels = max(images.shape[1] * images.shape[2], max(sides) ** 2)
    return min(_BATCH, max(_LEAST, _PIXELS // pixels))


def collected(
    networks: Sequence[N],
    reduce: Reduction[N],
    images: np.ndarray,
    rows: np.ndarray,
    pixels: Pixels,
    compute: Compute,
    batch: int,
    done: Callable[[int], None],
) -> dict[str, Tensor]:
    """As `predict`, without its bar; done: told the rows of each batch."""
    found: dict[str, Tensor] = {}
    bad: list[int] = []
    for network in networks:
        network.to(memory_format=torch.channels_last)
    with isolated(compute.threads), evaluating(networks, compute.device):
        for start in range(0, max(len(rows), 1), batch):
            part = rows[start : start + batch]
            outputs = _run(networks, reduce, pixels.normalise(load(images, part, compute.device)), compute)
            for name, values in outputs.items():
                whole = found.setdefault(name, values.new_empty((len(rows), *values.shape[1:]), device="cpu"))
                whole[start : start + batch] = values
            bad += [start + row for row in _bad_rows(outputs, len(part))]
            done(len(part))
    if bad:
        raise NonFiniteRowsError(len(bad), len(rows), bad[0])
    return found


def softmax(logits: Tensor, dim: int = -1) -> Tensor:
    """In fp32. A logit of -inf would pass as an innocent 0, so it becomes NaN."""
    logits = logits.float()
    return F.softmax(logits.where(logits.isfinite(), torch.nan), dim=dim)


@torch.inference_mode()
def _run(networks: Sequence[N], reduce: Reduction[N], inputs: Tensor, compute: Compute) -> dict[str, Tensor]:
    with compute.autocast():
        return reduce(networks, inputs)


def _bad_rows(outputs: dict[str, Tensor], n: int) -> list[int]:
    bad = np.zeros(n, dtype=bool)
    for values in outputs.values():
        bad |= ~torch.isfinite(values).view(n, values[0:1].numel()).all(dim=1).cpu().numpy()
    return np.flatnonzero(bad).tolist()


@contextmanager
def evaluating(networks: Sequence[nn.Module], device: str) -> Iterator[None]:
    """Eval mode on the device, and the mode of before on the way out."""
    modes = [network.training for network in networks]
    for network in networks:
        network.eval().to(torch.device(device))
    try:
        yield
    finally:
        for network, mode in zip(networks, modes, strict=True):
            network.train(mode)
