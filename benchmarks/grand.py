"""How the guesses of a gradient's length rank boxes, beside the length that the true labels give.

    python benchmarks/grand.py
    python benchmarks/grand.py --boxes 10 --steps 100            # a quick trial

A small U-Net is trained on some boxes of 12 phantoms; of the 12 others boxes are drawn, and each is scored
by the mean of a voxel map, and by the gradient of its mean cross-entropy for the last layer, with the true
labels. Spearman's rank correlations, median over the seeds.
"""

from __future__ import annotations

from argparse import ArgumentParser

import numpy as np
import pandas as pd
import torch

from queryloop.boxes.box import Box
from queryloop.boxes.pool import Pool
from queryloop.boxes.resolution import resolve
from queryloop.boxes.scored import Scored
from queryloop.boxes.starting import starting_set
from queryloop.boxes.sums import Sums
from queryloop.models.unet import UNet, unet3d
from queryloop.options import DataOptions, ModelOptions, TrainingOptions
from queryloop.randomness import generator
from queryloop.readers import phantom
from queryloop.readers.volumes import Volume
from queryloop.tasks.segmentation.rows import by_case
from queryloop.training.volumes.cases import Annotated, LabelledPart
from queryloop.training.volumes.training import train

CLASSES, PATCH, SIDE, DRAWN = 3, (24, 24, 24), 10, 40
SCORES = ("grand_expected", "grand_bound", "grand_pseudo", "el2n", "entropy", "margin")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=20)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    cases = list(phantom.read(None, ("background", "ellipsoid", "tube"), DataOptions()).volumes())  # type: ignore[arg-type]
    tables = [scored(cases, given.boxes, given.steps, seed) for seed in range(given.seeds)]
    for power in ("length", "entropy"):
        ranks = pd.concat([table.corr("spearman")[power] for table in tables], axis=1)
        print(f"\nrank correlation with the {power}, median, least, most:")
        print(ranks.agg(["median", "min", "max"], axis=1).round(2).to_string())


def scored(cases: list[Volume], n_boxes: int, steps: int, seed: int) -> pd.DataFrame:
    """One row a box: its scores, and the length of the gradient that its true labels give."""
    network = trained(cases[:12], n_boxes, steps, seed)
    return pd.concat([of_case(volume, network, seed) for volume in cases[12:]], ignore_index=True)


def trained(cases: list[Volume], n_boxes: int, steps: int, seed: int) -> UNet:
    shapes = {volume.case.sample_id: volume.case.shape for volume in cases}
    labels = {volume.case.sample_id: volume.labels for volume in cases}
    pool = Pool(shapes=shapes, size=(SIDE, SIDE, SIDE), labels=labels.__getitem__)
    boxes = starting_set("foreground_33", pool, k=n_boxes, seed=seed, all_classes=True)
    inside = by_case(boxes)
    known = [
        Annotated(v.image, [LabelledPart(b.corner, v.labels[b.slices]) for b in inside[v.case.sample_id]])
        for v in cases
        if v.case.sample_id in inside
    ]
    model, training = ModelOptions(name="unet3d", width=8, patch=PATCH), _training(steps)
    found = train(known, CLASSES, (1, 1, 1), model, training, seed)
    network = unet3d(1, CLASSES, (1, 1, 1), model)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in found.weights.items()})
    return network.eval()


def _training(steps: int) -> TrainingOptions:
    return TrainingOptions(
        epochs=1, min_steps=steps, batch_size=4, augmentation="turn_flip", learning_rate=3e-3, precision="32"
    )


@torch.inference_mode()
def of_case(volume: Volume, network: UNet, seed: int) -> pd.DataFrame:
    features = network.features(torch.from_numpy(volume.image)[None])
    probs = network.head(features).softmax(dim=1)[0]
    maps = {name: voxel_map(name, probs, features[0]) for name in SCORES}
    maps["features"] = features[0].square().sum(dim=0).numpy()
    draw = generator(seed, 0, volume.case.sample_id)
    rows = []
    for _ in range(DRAWN):
        z, y, x = (int(draw.integers(n - SIDE + 1)) for n in volume.case.shape)
        box = Box(volume.case.sample_id, (z, y, x), (SIDE, SIDE, SIDE))
        rows.append({name: found[box.slices].mean() for name, found in maps.items()})
        rows[-1]["length"] = length(probs, features[0], volume.labels, box)
    return pd.DataFrame(rows)


def voxel_map(name: str, probs: torch.Tensor, features: torch.Tensor) -> np.ndarray:
    found = resolve(name)
    assert isinstance(found, Scored)
    z, y, x = probs.shape[1:]
    sums = Sums(CLASSES, (z, y, x), found.scorer.each)
    sums.add(probs, features.square().sum(dim=0))
    return found.scorer.map(sums)


def length(probs: torch.Tensor, features: torch.Tensor, labels: np.ndarray, box: Box) -> float:
    """Of the mean of e (h, 1)^T over the box, e the error of the softmax."""
    truth = torch.from_numpy(labels[box.slices].astype(np.int64))
    here = (slice(None), *box.slices)
    errors = probs[here].flatten(1) - torch.nn.functional.one_hot(truth, CLASSES).movedim(-1, 0).flatten(1)
    inputs = torch.cat([features[here].flatten(1), torch.ones(1, truth.numel())])
    return float((errors @ inputs.T / truth.numel()).norm())


if __name__ == "__main__":
    main()
