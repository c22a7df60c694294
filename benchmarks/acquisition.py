"""Choosing boxes in one large volume: running sums, box means and selection beside the usual ways.

    python benchmarks/acquisition.py --scale=0.2                # a quick trial of everything
    python benchmarks/acquisition.py
    python benchmarks/acquisition.py --only score

Each contender has a process of its own. Only its call is timed: once, or the median of five where one takes
under a second, after a call on little data. MB are those at the peak of the call beyond the memory just
before it. What the members say is made up: the softmax of four planes, made before and given again and
again, so that making it costs no time and no memory here. Runs on Linux.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import contenders
import numpy as np
import torch
from measure import Case, Job, Setup
from scipy.signal import convolve
from torch import Tensor

from queryloop.boxes.box import Box
from queryloop.boxes.grid import BoxGrid, grid_of
from queryloop.boxes.means import box_means
from queryloop.boxes.pool import Pool
from queryloop.boxes.resolution import resolve
from queryloop.boxes.selection import free_positions, greedy
from queryloop.boxes.sums import Sums
from queryloop.boxes.voxels import VoxelScorer
from queryloop.voxels import Triple

MEMBERS, CLASSES, SLAB, N = 5, 16, 4, 20
STORED = 24  # planes of which all members are stored: 2 GB, beside 25 GB for 300


class Members:
    """What the members say of a volume, four planes at a time."""

    def __init__(self, setup: Setup) -> None:
        self.shape = _shape(setup)
        draw = torch.Generator().manual_seed(0)
        logits = torch.randn(MEMBERS, CLASSES, SLAB, *self.shape[1:], generator=draw).mul_(2)
        self.planes = torch.empty_like(logits)
        for member in range(MEMBERS):
            torch.softmax(logits[member], dim=0, out=self.planes[member])

    def of(self, member: int, planes: range) -> Tensor:
        """(C, z, Y, X)."""
        return self.planes[member, :, : len(planes)]

    def slabs(self) -> Iterator[range]:
        return (range(z, min(z + SLAB, self.shape[0])) for z in range(0, self.shape[0], SLAB))

    def sums(self, _case: str, scorer: VoxelScorer) -> list[Sums]:
        """As in the pipeline: of the whole case, one member after another."""
        sums = Sums(CLASSES, self.shape, scorer.each)
        for member in range(MEMBERS):
            for planes in self.slabs():
                sums.add(self.of(member, planes), start=planes.start)
        return [sums]


class Map:
    """Scores of voxels, most of them 0, and their box means."""

    def __init__(self, setup: Setup, stride: int = 0) -> None:
        self.shape = _shape(setup)
        self.volume = np.random.default_rng(0).random(self.shape, dtype=np.float32)
        self.volume -= 0.7
        self.volume.clip(0, out=self.volume)
        self.volume[self.shape[0] // 2 :] = 0
        edge = setup.size(64, 4)
        self.size = (edge, edge, edge)
        if stride:
            self.grid = grid_of(self.shape, self.size, (stride, stride, stride))
            self.means = box_means(self.volume, self.size, self.grid.stride)
            self.taken = [self.grid.box("a", [n // 2 for n in self.grid.positions])]


def _shape(setup: Setup) -> Triple:
    return setup.size(300, 12), setup.size(512, 16), setup.size(512, 16)


def summed(members: Members) -> Job:
    """Running sums over the members, to the map of all voxels."""
    scorer = resolve("bald").scorer  # type: ignore[attr-defined]

    def call() -> np.ndarray:
        (sums,) = members.sums("a", scorer)
        return scorer.map(sums)

    return Job(call)


def to_boxes(members: Members) -> Job:
    """The same on to the candidates of the case."""
    edge = min(64, members.shape[0] // 3)
    pool = Pool(shapes={"a": members.shape}, size=(edge, edge, edge), per_case=N, sums=members.sums)
    return Job(lambda: resolve("bald").candidates(pool, k=N, seed=0))


def stored(members: Members) -> Job:
    """All members' probabilities first, then the formula; of some planes, as 25 GB do not fit."""
    planes = min(STORED, members.shape[0])

    def call() -> np.ndarray:
        probs = torch.empty(MEMBERS, CLASSES, planes, *members.shape[1:])
        for z in range(0, planes, SLAB):
            for member in range(MEMBERS):
                probs[member, :, z : z + SLAB] = members.of(member, range(z, min(z + SLAB, planes)))
        expected = sum(_entropy(member) for member in probs) / MEMBERS
        return (_entropy(probs.mean(dim=0)) - expected).numpy()

    told = f"{planes} of {members.shape[0]} planes measured, linear estimate for all"
    share = planes / members.shape[0]
    return Job(call, share, grows=True, told=told if share < 1 else "")


def _entropy(probs: Tensor) -> Tensor:
    return -(probs * probs.log()).nan_to_num().sum(dim=0)


def integral(given: Map) -> Job:
    return Job(lambda: box_means(given.volume, given.size))


def fourier(given: Map) -> Job:
    """A convolution with a constant kernel, by scipy's FFT."""
    kernel = np.full(given.size, 1 / np.prod(given.size), dtype=np.float32)
    return Job(lambda: convolve(given.volume, kernel, mode="valid", method="fft"))


def on_arrays(given: Map) -> Job:
    def call() -> list[Box]:
        free = free_positions(given.grid, given.taken)
        scores = np.where(free, given.means, np.float32(-np.inf))
        return list(greedy(scores, given.grid, "a", n=N, seed=0).boxes)

    return Job(call)


def on_lists(given: Map) -> Job:
    """One dictionary a window, sorted; the first is taken off the list and tested against all accepted."""

    def call() -> list[Box]:
        flat = given.means.ravel()
        order = np.argsort(-flat, kind="stable")
        windows = [
            {"corner": corner, "size": given.size, "score": score}
            for corner, score in zip(_corners(given.grid, order), flat[order].tolist(), strict=True)
        ]
        accepted: list[Box] = []
        while windows and len(accepted) < N:
            window = windows.pop(0)
            box = Box("a", window["corner"], window["size"])
            if not any(_intersect(box, other) for other in [*given.taken, *accepted]):
                accepted.append(box)
        return accepted

    return Job(call)


def _corners(grid: BoxGrid, flat: np.ndarray) -> Iterator[Any]:
    positions = np.unravel_index(flat, grid.positions)
    return zip(*(c[at].tolist() for c, at in zip(grid.corners, positions, strict=True)), strict=True)


def _intersect(one: Box, other: Box) -> bool:
    return all(
        a < b + n and b < a + m
        for a, m, b, n in zip(one.corner, one.size, other.corner, other.size, strict=True)
    )


def _selection(stride: int) -> Case:
    return Case(
        f"selection_stride_{stride}", f"20 boxes of 64 x 64 x 64 in 300 x 512 x 512, stride {stride}",
        partial(Map, stride=stride), {"queryloop": on_arrays, "list of windows": on_lists},
        told=lambda given, boxes: f"{given.means.size:,} windows; {len(boxes)} boxes, {_total(given, boxes)}",
    )  # fmt: skip


def _total(given: Map, boxes: list[Box]) -> str:
    places = [
        tuple(np.searchsorted(c, at) for c, at in zip(given.grid.corners, box.corner, strict=True))
        for box in boxes
    ]
    return f"sum of their means {sum(float(given.means[at]) for at in places):.5f}"


def _said(_members: Members, result: Any) -> str:
    if isinstance(result, np.ndarray):
        return f"mean {result.mean(dtype=np.float64):.6f}, lowest {result.min():.2g}"
    return f"{len(result.boxes)} boxes, best {result.scores.max():.6f}"


def _negative(_given: Map, means: np.ndarray) -> str:
    return f"{(means < 0).mean():.1%} of means below 0"


CASES = [
    Case(
        "score", "bald, 300 x 512 x 512, 5 members, 16 classes", Members,
        {
            "queryloop": summed,
            "queryloop, on to 20 boxes of 64 x 64 x 64": to_boxes,
            "all members stored": stored,
        },
        told=_said,
    ),
    Case(
        "box_means", "64 x 64 x 64 in 300 x 512 x 512, stride 1", Map,
        {"queryloop": integral, "scipy, FFT": fourier}, told=_negative,
    ),
    *(_selection(stride) for stride in (8, 4, 1)),
]  # fmt: skip


def main() -> None:
    find: Callable[..., list[Case]] = lambda _options: CASES  # noqa: E731
    contenders.main(contenders.parser(__doc__).parse_args(), find)


if __name__ == "__main__":
    main()
