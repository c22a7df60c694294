"""Cases in which a network runs: Monte Carlo dropout, gradient lengths, and one cycle on MNIST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from measure import Case, Job, Setup
from pools import CLASSES, DRAWS
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from queryloop import strategies
from queryloop.models.heads import LinearHead
from queryloop.models.network import Network
from queryloop.options import TrainingOptions
from queryloop.tasks.classification.prediction import Look, probabilities, reduction, softmax
from queryloop.training.compute import Compute, resolve
from queryloop.training.pixels import Pixels
from queryloop.training.predict import predict

FEW = 64  # images for whatever takes too long on all
TOP = 10
BATCH = 32


@dataclass(frozen=True)
class Scene:
    """A ResNet-18 with random weights, and noise as images."""

    network: Network
    images: np.ndarray
    threads: int

    @property
    def pixels(self) -> Pixels:
        return Pixels([0.5] * 3, [0.25] * 3)

    def inputs(self, n: int) -> Tensor:
        """The first images as the network takes them."""
        levels = torch.from_numpy(self.images[:n]).permute(0, 3, 1, 2).float() / 255
        return self.pixels.normalise(levels).contiguous()


def scene(setup: Setup) -> Scene:
    torch.manual_seed(0)
    images = np.random.default_rng(0).integers(256, size=(setup.size(2_000, 10), 32, 32, 3), dtype=np.uint8)
    return Scene(Network(_resnet18(), LinearHead(512, CLASSES, 0.5)).eval(), images, setup.threads)


def _resnet18() -> nn.Module:
    """As it is used for CIFAR: a 3x3 stem, no pooling after it, no last layer."""
    from torchvision.models import resnet18

    trunk = resnet18()
    trunk.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    trunk.maxpool, trunk.fc = nn.Identity(), nn.Identity()
    return trunk


def ours_dropout(precision: str) -> Callable[[Scene], Job]:
    """The trunk once, the head under 20 masks."""

    def prepare(made: Scene) -> Job:
        reduce = reduction({"mc_probs": _under_masks(made.network)})
        rows, compute = np.arange(len(made.images)), Compute("cpu", precision, made.threads)
        return Job(
            lambda: predict([made.network], reduce, made.images, rows, made.pixels, compute)["mc_probs"]
        )

    return prepare


def _under_masks(network: Network) -> Callable[[Look], Tensor]:
    masks = network.head.masks(DRAWS, 0)
    return lambda look: softmax(look.networks[0].head.under(masks, look.seen.features))


def baal_dropout(made: Scene) -> Job:
    """baal's default: each image 20 times in a batch, through the whole network."""
    wrapper = _wrapped(made.network)
    n = min(FEW, len(made.images))
    dataset = TensorDataset(made.inputs(n), torch.zeros(n))
    call = lambda: wrapper.predict_on_dataset(dataset, iterations=DRAWS, verbose=False)  # noqa: E731
    return Job(call, n / len(made.images), told=_part(n, made))


def passes(made: Scene) -> Job:
    """The whole network 20 times."""
    n = min(FEW, len(made.images))
    inputs = made.inputs(n)
    made.network.head.train()

    @torch.inference_mode()
    def call() -> Tensor:
        parts = [[made.network(part).softmax(dim=1) for part in inputs.split(BATCH)] for _ in range(DRAWS)]
        return torch.stack([torch.cat(part) for part in parts], dim=1)

    return Job(call, n / len(made.images), told=_part(n, made))


def ours_grand(precision: str) -> Callable[[Scene], Job]:
    """One look at all, then the closed form."""

    def prepare(made: Scene) -> Job:
        strategy = strategies.resolve("grand", {"label": "pseudo"})
        reduce = reduction({"probs": probabilities, "embeddings": lambda seen: seen.seen.features})
        rows, compute = np.arange(len(made.images)), Compute("cpu", precision, made.threads)

        def call() -> list[int]:
            evidence = predict([made.network], reduce, made.images, rows, made.pixels, compute)
            scores = strategy.score(evidence, 0)
            assert scores is not None
            return _top(scores)

        return Job(call)

    return prepare


def looped_grand(made: Scene) -> Job:
    """A gradient an image, by autograd."""
    inputs, last = made.inputs(len(made.images)), list(made.network.head.linear.parameters())

    def length(image: Tensor) -> float:
        logits = made.network(image[None])
        loss = F.cross_entropy(logits, logits.argmax(dim=1))
        parts = [part.flatten() for part in torch.autograd.grad(loss, last)]
        return float(torch.cat(parts).norm())

    return Job(lambda: _top(torch.tensor([length(image) for image in inputs])))


def _top(scores: Tensor) -> list[int]:
    return scores.topk(TOP).indices.tolist()


def _part(n: int, made: Scene) -> str:
    return "" if n == len(made.images) else f"{n:,} images measured, linear estimate for {len(made.images):,}"


def _wrapped(network: nn.Module) -> Any:
    from baal.bayesian.dropout import patch_module
    from baal.modelwrapper import ModelWrapper, TrainingArgs

    args = TrainingArgs(batch_size=BATCH, workers=0, use_cuda=False)
    return ModelWrapper(patch_module(network), args)


def _native(contenders: dict[str, Any]) -> dict[str, Any]:
    """None of them on a processor that only emulates bfloat16: minutes, and nobody would choose it there."""
    return contenders if resolve(TrainingOptions()).precision == "bf16" else {}


CASES = [
    Case(
        "mc_dropout",
        "ResNet-18, 2,000 images, T = 20",
        scene,
        {
            "queryloop, fp32": ours_dropout("32"),
            **_native({"queryloop, bf16": ours_dropout("bf16")}),
            "baal predict_on_dataset": baal_dropout,
            "20 forward passes": passes,
        },
    ),
    Case(
        "grand",
        "ResNet-18, 2,000 images, likeliest label",
        scene,
        {
            "queryloop, fp32": ours_grand("32"),
            **_native({"queryloop, bf16": ours_grand("bf16")}),
            "autograd loop": looped_grand,
        },
        reference="autograd loop",
    ),
]
