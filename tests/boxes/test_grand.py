"""Gradient lengths of boxes against autograd, through a real network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from queryloop.boxes.means import box_means
from queryloop.boxes.resolution import resolve
from queryloop.boxes.scored import Scored
from queryloop.boxes.sums import Sums
from queryloop.models.unet import UNet, unet3d
from queryloop.options import ModelOptions
from queryloop.strategies.gradient import grand_labelled
from queryloop.voxels import IGNORE

SHAPE, CLASSES = (8, 9, 10), 3


@pytest.fixture(scope="module")
def network() -> UNet:
    torch.manual_seed(0)
    made = unet3d(1, CLASSES, (1, 1, 1), ModelOptions(name="unet3d", width=4, patch=SHAPE)).eval()
    with torch.no_grad():
        made.head.linear.weight *= 3  # or all probabilities are alike
    return made


@pytest.fixture(scope="module")
def seen(network: UNet) -> tuple[Tensor, Tensor, Tensor]:
    """An image, the features (D, ...) that go into the last layer, and the softmax (C, ...)."""
    image = torch.randn(1, 1, *SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = network.features(image)
        return image, features[0], network.head(features).softmax(dim=1)[0]


def gradient(network: UNet, logits: Tensor, labels: Tensor) -> float:
    """Length, for the last layer, of the mean cross-entropy over the voxels that have a label."""
    loss = cross_entropy(logits, labels[None].long(), ignore_index=IGNORE)
    parts = torch.autograd.grad(loss, list(network.head.linear.parameters()))
    return float(torch.cat([part.flatten() for part in parts]).norm())


def voxels(name: str, features: Tensor, probs: Tensor) -> np.ndarray:
    found = resolve(name)
    assert isinstance(found, Scored)
    sums = Sums(CLASSES, SHAPE, found.scorer.each)
    sums.add(probs, features.square().sum(dim=0))
    return found.scorer.map(sums)


def drawn(probs: Tensor, n: int, inside: tuple[slice, ...]) -> Tensor:
    """Labels (n, ...) of the voxels of a box, each drawn from its own softmax; the others have none."""
    flat = probs.flatten(1).T
    labels = torch.multinomial(flat, n, replacement=True, generator=torch.Generator().manual_seed(1))
    found = torch.full((n, *SHAPE), IGNORE)
    found[(slice(None), *inside)] = labels.T.reshape(n, *SHAPE)[(slice(None), *inside)]
    return found


BOX = (slice(2, 6), slice(3, 8), slice(1, 7))
SIZE = (4, 5, 6)


def test_box_means_are_the_expected_square_and_a_bound(
    network: UNet, seen: tuple[Tensor, Tensor, Tensor]
) -> None:
    """The box is labelled and nothing else is: its voxels are what the loss is the mean of."""
    image, features, probs = seen
    inputs = network.features(image).detach()  # once: what lies before the last layer has no part in it
    lengths = np.array([gradient(network, network.head(inputs), labels) for labels in drawn(probs, 150, BOX)])
    expected, bound = (
        box_means(voxels(name, features, probs), SIZE)[2, 3, 1] for name in ("grand_expected", "grand_bound")
    )
    squares = lengths**2
    assert expected / np.prod(SIZE) == pytest.approx(squares.mean(), abs=4 * squares.std() / 150**0.5)
    assert lengths.mean() < bound


def test_a_bound_with_the_true_labels(network: UNet, seen: tuple[Tensor, Tensor, Tensor]) -> None:
    """Whatever the labels: the mean of their voxels' lengths is no smaller than that of their mean."""
    image, features, probs = seen
    truth = torch.randint(CLASSES, SHAPE, generator=torch.Generator().manual_seed(2))
    truth[:, :, 5:] = IGNORE
    known = truth != IGNORE
    lengths = grand_labelled(probs[:, known].T, features[:, known].T, truth[known])
    assert gradient(network, network(image), truth) <= lengths.mean()
    one = torch.full(SHAPE, IGNORE)
    one[3, 4, 2] = truth[3, 4, 2]
    at = int(known.nonzero().tolist().index([3, 4, 2]))
    assert gradient(network, network(image), one) == pytest.approx(float(lengths[at]), rel=1e-3)


def test_the_likeliest_label_of_one_voxel(network: UNet, seen: tuple[Tensor, Tensor, Tensor]) -> None:
    image, features, probs = seen
    found = voxels("grand_pseudo", features, probs)
    for at in ((0, 0, 0), (4, 5, 6)):
        labels = torch.full(SHAPE, IGNORE)
        labels[at] = probs[(slice(None), *at)].argmax()
        assert gradient(network, network(image), labels) == pytest.approx(float(found[at]), rel=1e-3)
