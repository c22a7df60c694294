"""Training throughput beside the way of published active-learning notebooks, as a Markdown table.

    python benchmarks/training.py --raw-root=PATH             # images a second, and the share of augmentation
    python benchmarks/training.py --raw-root=PATH --accuracy  # bf16 and mixed beside fp32, five seeds

The notebooks' way: a DataLoader of PIL images with torchvision's transforms, fp32, contiguous memory, a plain
loop. Ours: `fit` as a cycle calls it. Both take the same images, batch size, optimiser and network; the first
steps are not timed. PATH holds cifar10/ and mnist/.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from pictures import images
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from queryloop.models.network import Network
from queryloop.models.registry import build
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.tasks.classification.networks import train
from queryloop.tasks.classification.prediction import predict
from queryloop.tasks.task import Recipe
from queryloop.training.augment import AUGMENTATIONS
from queryloop.training.batches import Batches
from queryloop.training.compute import Compute, isolated, resolve
from queryloop.training.fit import fit
from queryloop.training.objective import Objective
from queryloop.training.pixels import Pixels, load

BATCH, WARM, RUNS = 128, 4, 3
SEEDS, LABELS = 5, 1_000
NOBODY = np.empty(0, np.int64)
CASES = {
    "ResNet-18": ("cifar10", ModelOptions(name="resnet18"), 12),
    "cnn of 16 to 64 channels": ("mnist", ModelOptions(name="cnn"), 150),
}
ROUNDED = {
    "cnn of 16 to 64 channels": ("mnist", ModelOptions(name="cnn"), TrainingOptions()),
    "ResNet-18 of 16 to 128 channels": (
        "cifar10",
        ModelOptions(name="resnet18", width=16),
        TrainingOptions(epochs=40, augmentation="flip_crop"),
    ),
}
Way = Callable[[Network, np.ndarray, np.ndarray, int], float]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raw-root", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--accuracy", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    _accuracy(options) if options.accuracy else _throughput(options)


def _throughput(options: argparse.Namespace) -> None:
    print("| network | way | images a second | ratio |\n| --- | --- | --- | --- |")
    for name, (data, model, steps) in CASES.items():
        pictures, labels, _ = images(options.raw_root, data)
        slowest = None
        for way, run in _ways(options.threads).items():
            rates = [
                BATCH / run(build(model, pictures.shape[1:], 10), pictures, labels, steps)
                for _ in range(RUNS)
            ]
            middle = statistics.median(rates)
            slowest = slowest or middle
            spread = f"{middle:,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"
            print(f"| {name} | {way} | {spread} | {middle / slowest:.2f} |", flush=True)
        print(f"| {name} | augmentation, of our fastest step | {_augmentation(pictures, middle):.2%} | |")


def _ways(threads: int) -> dict[str, Way]:
    ways: dict[str, Way] = {
        "notebook, no worker": partial(_notebook, 0),
        "notebook, 2 workers": partial(_notebook, 2),
        "queryloop, fp32": partial(_ours, Compute("cpu", "32", threads)),
    }
    if resolve(TrainingOptions()).precision == "bf16":  # emulated bfloat16 takes minutes
        ways["queryloop, bf16"] = partial(_ours, Compute("cpu", "bf16", threads))
    return ways


class _Pictures(Dataset[tuple[Tensor, int]]):
    """One PIL image at a time, as torchvision's data sets are."""

    def __init__(self, pictures: np.ndarray, labels: np.ndarray) -> None:
        self.pictures, self.labels = pictures, labels
        side, channels = pictures.shape[1], pictures.shape[3]
        self.transform = transforms.Compose(
            [
                transforms.RandomHorizontalFlip(),
                transforms.RandomCrop(side, padding=4),
                transforms.ToTensor(),
                transforms.Normalize([0.5] * channels, [0.25] * channels),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pictures[row].squeeze())), int(self.labels[row])


def _notebook(workers: int, network: Network, pictures: np.ndarray, labels: np.ndarray, steps: int) -> float:
    """Seconds of a step."""
    loader = DataLoader(_Pictures(pictures, labels), BATCH, shuffle=True, num_workers=workers)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    batches = _forever(loader)
    network.train()
    for step in range(WARM + steps):
        if step == WARM:
            began = time.perf_counter()
        inputs, targets = next(batches)
        optimizer.zero_grad()
        F.cross_entropy(network(inputs), targets).backward()
        optimizer.step()
    return (time.perf_counter() - began) / steps


def _forever(loader: DataLoader[tuple[Tensor, int]]) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from loader


def _ours(compute: Compute, network: Network, pictures: np.ndarray, labels: np.ndarray, steps: int) -> float:
    """Seconds of a step: the difference of a long and a short training, so that starting is not counted."""
    short, long = (_fitted(compute, network, pictures, labels, n) for n in (WARM, WARM + steps))
    return (long - short) / steps


def _fitted(
    compute: Compute, network: Network, pictures: np.ndarray, labels: np.ndarray, steps: int
) -> float:
    options = TrainingOptions(
        epochs=1,
        min_steps=steps,
        batch_size=BATCH,
        optimizer="sgd",
        learning_rate=0.01,
        augmentation="flip_crop",
    )
    rows = np.arange(BATCH * steps) % len(labels)
    pixels = Pixels([0.5] * pictures.shape[3], [0.25] * pictures.shape[3])
    batches = Batches(pictures, rows, labels[rows].astype(np.int64), pixels, options, 0, "cpu")
    objective = Objective(partial(F.cross_entropy, reduction="none"), batches, NOBODY)
    began = time.perf_counter()
    with isolated(compute.threads):
        fit(network.to(memory_format=torch.channels_last), batches, objective, options, compute)
    return time.perf_counter() - began


def _augmentation(pictures: np.ndarray, images_a_second: float) -> float:
    """Share of a step of ours that flipping and cropping takes."""
    batch, draws = load(pictures, np.arange(BATCH), "cpu"), torch.Generator().manual_seed(0)
    seconds = []
    for _ in range(200):
        began = time.perf_counter()
        AUGMENTATIONS["flip_crop"](batch, draws)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) / (BATCH / images_a_second)


def _accuracy(options: argparse.Namespace) -> None:
    """Test accuracy of small networks with 1,000 labels, five seeds a precision.

    A processor without bfloat16 computes the same numbers, but slowly.
    """
    print("| network | precision | accuracy of seeds 0 to 4 | mean | sd |\n| --- | --- | --- | --- | --- |")
    for name, (data, model, common) in ROUNDED.items():
        pictures, labels, n = images(options.raw_root, data)
        for precision in ("32", "mixed", "bf16"):
            training = common.model_copy(update={"precision": precision, "threads": options.threads})
            found = [_trained(pictures, labels, n, model, training, seed) for seed in range(SEEDS)]
            listed = ", ".join(f"{accuracy:.4f}" for accuracy in found)
            middle, spread = statistics.mean(found), statistics.stdev(found)
            print(f"| {name} | {precision} | {listed} | {middle:.4f} | {spread:.4f} |", flush=True)


def _trained(
    pictures: np.ndarray,
    labels: np.ndarray,
    n: int,
    model: ModelOptions,
    training: TrainingOptions,
    seed: int,
) -> float:
    rows, tests = np.random.default_rng(seed).permutation(n)[:LABELS], np.arange(n, len(labels))
    classes = [str(number) for number in range(10)]
    made = train(pictures, (rows, labels[rows]), classes, Recipe(model, training, seed))
    probs = predict(made, pictures, tests, frozenset({"probs"}), training)["probs"]
    return float((probs.argmax(dim=1).numpy() == labels[tests]).mean())


if __name__ == "__main__":
    main()
