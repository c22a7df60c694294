"""Cases and networks that mean nothing, for the tests of boxes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from queryloop.boxes.box import Box
from queryloop.boxes.pool import Pool
from queryloop.boxes.sums import Sums
from queryloop.boxes.voxels import VoxelScorer
from queryloop.randomness import derived_seed
from queryloop.voxels import Triple

CLASSES, MEMBERS = 4, 3


def softmax(case: str, shape: Triple, members: int = MEMBERS, classes: int = CLASSES) -> Tensor:
    """Probabilities of all members, (M, C, Z, Y, X), smooth enough that boxes differ."""
    generator = torch.Generator().manual_seed(derived_seed(0, 0, case))
    logits = 3 * torch.randn(members, classes, *shape, generator=generator)
    return torch.nn.functional.avg_pool3d(logits, 3, stride=1, padding=1).mul(5).softmax(dim=1)


def energies(case: str, shape: Triple, members: int = MEMBERS) -> Tensor:
    """Squared length of the head's input in each voxel, (M, Z, Y, X)."""
    generator = torch.Generator().manual_seed(derived_seed(1, 0, case))
    return torch.randn(members, *shape, generator=generator).square() * 9


def summed(case: str, shape: Triple, scorer: VoxelScorer, slab: int) -> Iterator[Sums]:
    """What a pass of all members gives, some planes at a time."""
    probs, energy = softmax(case, shape), energies(case, shape)
    for z in range(0, shape[0], slab):
        part, lengths = probs[:, :, z : z + slab], energy[:, z : z + slab]
        sums = Sums(CLASSES, (part.shape[2], *shape[1:]), scorer.each)
        for member in range(MEMBERS):
            sums.add(part[member], lengths[member] if "energy" in scorer.needs else None)
        yield sums


def labels(case: str, shape: Triple) -> np.ndarray:
    """Two blobs of foreground; a case whose name begins with `empty` has none."""
    found = np.zeros(shape, dtype=np.uint8)
    if not case.startswith("empty"):
        found[2:6, 3:7, 3:8] = 1
        found[-3:-1, -4:-2, 1:3] = 2
    return found


def pool(shapes: dict[str, Triple], slab: int = 5, **given: object) -> Pool:
    """A pool of made-up cases that can tell all there is to tell."""

    def embed(boxes: list[Box]) -> Tensor:
        return torch.tensor([[*box.corner, len(box.case)] for box in boxes], dtype=torch.float32).reshape(
            -1, 4
        )

    told = {
        "size": (4, 5, 6),
        "sums": lambda case, scorer: summed(case, shapes[case], scorer, slab),
        "labels": lambda case: labels(case, shapes[case]),
        "embeddings": embed,
        "progress": 0.5,
        "loop": [Box("one", (z, 0, 0), (2, 3, 4)) for z in range(0, 8, 2)],
    }
    return Pool(shapes=shapes, **{**told, **given})  # type: ignore[arg-type]


THREE: dict[str, Triple] = {"one": (14, 15, 16), "two": (12, 16, 13), "empty": (11, 12, 14)}
