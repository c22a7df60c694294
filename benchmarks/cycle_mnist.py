"""One cycle on MNIST: train on 100 labels, draw 20 times over the pool, choose 100 by BALD, test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from measure import Case, Job, Setup
from pictures import images
from pools import CLASSES, DRAWS
from torch import nn
from torch.utils.data import Subset, TensorDataset

import queryloop
from queryloop.models.heads import LinearHead
from queryloop.models.network import Network
from queryloop.options import TrainingOptions
from queryloop.tasks.classification.prediction import Look, probabilities, reduction, softmax
from queryloop.training.batches import Batches
from queryloop.training.compute import isolated, resolve, resolve_scoring
from queryloop.training.fit import fit
from queryloop.training.objective import Objective
from queryloop.training.pixels import measure
from queryloop.training.predict import predict

LABELS = 100
RATE, DECAY = 1e-3, 1e-2
BATCH, EPOCHS = 32, 50


@dataclass(frozen=True)
class Mnist:
    """images: training images, then test images, uint8. train: how many are for training."""

    images: np.ndarray
    labels: np.ndarray
    train: int
    training: TrainingOptions

    @property
    def start(self) -> np.ndarray:
        """The rows that have labels."""
        return np.random.default_rng(0).permutation(self.train)[:LABELS]


def mnist(setup: Setup) -> Mnist:
    assert setup.raw_root is not None
    pixels, labels, train = images(setup.raw_root, "mnist")
    kept, tested = setup.size(train, 300), setup.size(len(labels) - train, 100)
    rows = np.concatenate([np.arange(kept), train + np.arange(tested)])
    training = TrainingOptions(
        epochs=EPOCHS,
        min_steps=0,
        batch_size=BATCH,
        learning_rate=RATE,
        weight_decay=DECAY,
        schedule="constant",
        threads=setup.threads,
    )
    return Mnist(pixels[rows], labels[rows], kept, training)


def network() -> Network:
    """Three convolutions, dropout before the last layer; the same for both."""
    layers: list[nn.Module] = []
    for before, after in ((1, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    torch.manual_seed(0)
    return Network(nn.Sequential(*layers, nn.Flatten()), LinearHead(64 * 3 * 3, CLASSES, 0.5))


def ours(data: Mnist) -> Job:
    """Defaults: bfloat16 in training where the processor has it, fp32 in scoring."""

    def call() -> tuple[list[int], float]:
        model, start, options = network().to(memory_format=torch.channels_last), data.start, data.training
        pixels, compute, scoring = measure(data.images, start), resolve(options), resolve_scoring(options)
        batches = Batches(data.images, start, data.labels[start], pixels, options, 0, compute.device)
        with isolated(compute.threads):
            objective = Objective(partial(F.cross_entropy, reduction="none"), batches, np.empty(0, np.int64))
            fit(model, batches, objective, options, compute)
        masks = model.head.masks(DRAWS, 0)

        def drawn(look: Look) -> torch.Tensor:
            return softmax(look.networks[0].head.under(masks, look.seen.features))

        pool = np.setdiff1d(np.arange(data.train), start)
        draws = predict([model], reduction({"mc_probs": drawn}), data.images, pool, pixels, scoring)
        picks = queryloop.select("bald", k=LABELS, seed=0, ids=pool, **draws)
        test = np.arange(data.train, len(data.labels))
        seen = predict([model], reduction({"probs": probabilities}), data.images, test, pixels, scoring)
        return picks, float((seen["probs"].argmax(dim=1).numpy() == data.labels[test]).mean())

    return Job(call)


def baal(data: Mnist) -> Job:
    """Its ModelWrapper with the defaults, but without worker processes: images in memory need none."""
    pixels = measure(data.images, data.start)
    levels = torch.from_numpy(data.images).permute(0, 3, 1, 2).float().div_(255)
    whole = TensorDataset(pixels.normalise(levels).contiguous(), torch.from_numpy(data.labels))
    return Job(lambda: _baal_cycle(data, whole))


def _baal_cycle(data: Mnist, whole: TensorDataset) -> tuple[list[int], float]:
    from baal.active.dataset import ActiveLearningDataset
    from baal.active.heuristics import BALD
    from baal.bayesian.dropout import patch_module, unpatch_module
    from baal.modelwrapper import ModelWrapper, TrainingArgs
    from baal.utils.metrics import Accuracy

    model = patch_module(network())
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    args = TrainingArgs(optimizer, BATCH, EPOCHS, False, 0, criterion=nn.CrossEntropyLoss())
    wrapper = ModelWrapper(model, args)
    wrapper.add_metric("accuracy", lambda: Accuracy())
    active = ActiveLearningDataset(Subset(whole, range(data.train)))
    active.label(data.start.tolist())
    wrapper.train_on_dataset(active)
    predictions = wrapper.predict_on_dataset(active.pool, iterations=DRAWS, verbose=False)
    active.label(BALD()(predictions)[:LABELS].tolist())
    unpatch_module(model)
    wrapper.test_on_dataset(Subset(whole, range(data.train, len(whole))))
    chosen = np.setdiff1d(active.get_indices_for_active_step(), data.start)
    return chosen.tolist(), wrapper.get_metrics("test")["test_accuracy"]


def _told(_data: Any, result: tuple[list[int], float]) -> str:
    return f"accuracy with {LABELS} labels {result[1]:.2%}, tested without dropout"


CASE = Case(
    "bald_cycle",
    "MNIST, 100 labels, pool 59,900, T = 20, 100 chosen",
    mnist,
    {"queryloop": ours, "baal": baal},
    _told,
    raw="mnist",
)
