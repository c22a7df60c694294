"""The ranking loss against a slow loop, where its gradient goes, and that it learns to rank."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from torch import Tensor, nn

from queryloop.models.auxiliary import attach
from queryloop.models.heads import LinearHead
from queryloop.models.network import Network
from queryloop.models.registry import build
from queryloop.options import ModelOptions, TrainingOptions
from queryloop.training.batches import Batches
from queryloop.training.compute import isolated
from queryloop.training.fit import fit
from queryloop.training.learning_loss import LearningLoss, ranking_loss
from queryloop.training.pixels import load, measure
from queryloop.training.registry import OBJECTIVES
from tests.training.conftest import CPU, batches

NO_POOL = np.empty(0, np.int64)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits, targets, reduction="none")


def slow(predicted: list[float], true: list[float], order: list[int], margin: float, min_gap: float) -> float:
    found, half = [], len(order) // 2
    for i, j in zip(order[:half], order[half : 2 * half], strict=True):
        if abs(true[i] - true[j]) >= min_gap:
            sign = 1 if true[i] > true[j] else -1
            found.append(max(0.0, -sign * (predicted[i] - predicted[j]) + margin))
    return sum(found) / len(found) if found else 0.0


@pytest.mark.parametrize("n", [1, 2, 3, 8, 9])
@pytest.mark.parametrize(("margin", "min_gap"), [(1.0, 0.0), (0.2, 0.5), (1.0, 99.0)])
def test_loss_is_the_mean_over_pairs(n: int, margin: float, min_gap: float) -> None:
    for seed in range(5):
        draw = torch.Generator().manual_seed(seed)
        predicted = torch.randn(n, generator=draw).double()
        true = torch.randint(4, (n,), generator=draw).double() / 2  # with many ties
        order = torch.randperm(n, generator=draw)
        expected = slow(predicted.tolist(), true.tolist(), order.tolist(), margin, min_gap)
        assert ranking_loss(predicted, true, order, margin, min_gap).item() == pytest.approx(expected)


def test_true_losses_get_no_gradient_and_no_pair_gives_a_zero_one() -> None:
    predicted, true = torch.randn(6, requires_grad=True), torch.rand(6, requires_grad=True)
    ranking_loss(predicted, true, torch.arange(6), 5.0, 0.0).backward()
    assert true.grad is None
    assert (predicted.grad != 0).all()
    predicted.grad = None
    ranking_loss(predicted, true, torch.arange(6), 5.0, 9.0).backward()
    assert (predicted.grad == 0).all()


def small(n_features: int = 8, dropout: float = 0.0) -> Network:
    """A network for `batches`, with a loss module, the same weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        trunk = nn.Sequential(nn.Flatten(), nn.Linear(16, n_features), nn.BatchNorm1d(n_features), nn.ReLU())
        network = Network(trunk, LinearHead(n_features, 2, dropout))
        attach(network, (4, 4, 1), TrainingOptions(auxiliary="learning_loss"))
    return network


def gradient(objective: LearningLoss, progress: float) -> Tensor:
    """Of the first weights of the trunk, at the first batch."""
    network = small()
    inputs, targets = next(iter(objective.batches))
    objective(network, inputs, targets, progress).backward()
    assert network.auxiliary.last.weight.grad.abs().sum() > 0
    return network.trunk[1].weight.grad


def test_the_ranking_moves_the_trunk_before_detach_and_not_after() -> None:
    data = batches(learning_loss={"detach": 0.5, "weight": 3.0})
    network = small()
    inputs, targets = next(iter(data))
    cross_entropy(network(inputs), targets).mean().backward()
    alone = network.trunk[1].weight.grad
    before, after = (gradient(LearningLoss(cross_entropy, data, NO_POOL), at) for at in (0.49, 0.5))
    assert not torch.allclose(before, alone)
    assert torch.equal(after, alone)


def test_the_loss_has_its_two_parts_from_one_pass() -> None:
    data = batches(learning_loss={"weight": 3.0, "margin": 0.7})
    inputs, targets = next(iter(data))
    objective, network = LearningLoss(cross_entropy, data, NO_POOL), small()
    found = objective(network, inputs, targets, 0.0)
    assert network.trunk[2].num_batches_tracked == 1
    losses = cross_entropy(network(inputs), targets)
    predicted = network.auxiliary(network.see(inputs, network.stages))
    every = {
        ranking_loss(predicted, losses, torch.tensor([*pair]), 0.7, 0.0).item()
        for pair in ([0, 1, 2, 3], [0, 1, 3, 2], [0, 2, 1, 3])  # the three ways to pair four samples
    }
    assert len(inputs) == 4
    rest = (found - losses.mean()).item() / 3
    assert min(abs(rest - ranking) for ranking in every) < 1e-6


def ended(name: str, **options: object) -> Network:
    """A network after a training with dropout and this auxiliary."""
    data, network = batches(n=11, augmentation="shift", **options), small(dropout=0.5)
    if name == "none":
        network.auxiliary = None
    with isolated(1):
        torch.manual_seed(0)
        fit(network, data, OBJECTIVES[name](cross_entropy, data, NO_POOL), data.options, CPU)
    return network


def test_detached_from_the_start_the_network_is_the_one_of_a_training_without_it() -> None:
    alone, beside = ended("none"), ended("learning_loss", learning_loss={"detach": 0.0})
    for part in ("trunk", "head"):
        expected, found = (getattr(network, part).state_dict() for network in (alone, beside))
        assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_training_is_repeated_to_the_bit() -> None:
    first, second = (ended("learning_loss").state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = ended("learning_loss", seed=1).state_dict()
    assert not torch.equal(first["auxiliary.last.weight"], other["auxiliary.last.weight"])


def planted(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 4, 4, 1): a dark and a bright class; with a bright corner it is a coin's."""
    draw = np.random.default_rng(seed)
    labels, hard = draw.integers(2, size=n), draw.random(n) < 0.5
    images = draw.integers(0, 90, (n, 4, 4, 1), dtype=np.uint8)
    images[labels == 1, 1:] += 90
    images[hard, 0, 0] = 255
    return images, np.where(hard, draw.integers(2, size=n), labels)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_it_learns_which_samples_are_hard(name: str) -> None:
    images, labels = planted(400, 0)
    options = TrainingOptions(epochs=8, min_steps=0, batch_size=32, learning_rate=1e-2)
    pixels = measure(images, np.arange(400))
    data = Batches(images, np.arange(400), labels, pixels, options, 0, "cpu")
    with isolated(1):
        torch.manual_seed(0)
        network = build(ModelOptions(name=name, width=8), (4, 4, 1), 2)
        attach(network, (4, 4, 1), TrainingOptions(auxiliary="learning_loss"))
        fit(network, data, LearningLoss(cross_entropy, data, NO_POOL), options, CPU)
    fresh, truth = planted(1000, 1)
    inputs = pixels.normalise(load(fresh, np.arange(1000), "cpu"))
    with torch.no_grad():
        seen = network.eval().see(inputs, network.stages)
        predicted = network.auxiliary(seen)
        losses = cross_entropy(network.head(seen.features), torch.from_numpy(truth))
    assert spearmanr(predicted, losses).statistic > 0.5
    assert spearmanr(predicted, fresh[:, 0, 0, 0] == 255).statistic > 0.6
