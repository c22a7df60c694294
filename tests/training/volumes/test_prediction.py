from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from queryloop.training.volumes.members import View, dropout, mirrored, mirrors, views
from queryloop.training.volumes.prediction import embed, score
from queryloop.training.volumes.tiles import Tiling
from tests.training.volumes.scans import CPU, network, scan

SMALL = Tiling((8, 16, 16))
WHOLE = Tiling((16, 16, 16))


class Kept:
    """Keeps the planes of every member, which real sums do not."""

    def __init__(self) -> None:
        self._planes: dict[int, list[tuple[Tensor, Tensor]]] = {}

    def add(self, probs: Tensor, energy: Tensor, *, start: int) -> None:
        self._planes.setdefault(start, []).append((probs.clone(), energy.clone()))

    @property
    def probs(self) -> Tensor:
        """(T, K, Z, Y, X)."""
        return torch.cat([torch.stack([p for p, _ in self._planes[s]]) for s in sorted(self._planes)], dim=2)

    @property
    def energy(self) -> Tensor:
        """(T, Z, Y, X)."""
        return torch.cat([torch.stack([e for _, e in self._planes[s]]) for s in sorted(self._planes)], dim=1)


def scored(some: list[View], tiling: Tiling = WHOLE, image: np.ndarray | None = None) -> Kept:
    kept = Kept()
    score(scan()[0] if image is None else image, some, tiling, CPU, kept)
    return kept


@torch.inference_mode()
def test_one_tile_is_the_network_on_the_whole_volume() -> None:
    net, image = network(), scan()[0]
    kept = scored([View(net)])
    inputs = torch.from_numpy(image)[None]
    torch.testing.assert_close(kept.probs, net(inputs).softmax(dim=1))
    torch.testing.assert_close(kept.energy, net.features(inputs).square().sum(dim=1))


def test_members_come_one_after_another_and_each_is_a_distribution() -> None:
    nets = [network(seed=seed) for seed in (0, 1)]
    kept = scored(views(nets, mirrors((0, 2))), SMALL)
    assert kept.probs.shape == (8, 3, 16, 16, 16)
    torch.testing.assert_close(kept.probs.sum(dim=1), torch.ones(8, 16, 16, 16))
    alone = scored([View(nets[1])], SMALL)
    torch.testing.assert_close(kept.probs[4], alone.probs[0])


@torch.inference_mode()
@pytest.mark.parametrize("flip", mirrors())
def test_flips_are_undone(flip: tuple[int, ...]) -> None:
    net, image = network(), scan()[0]
    flipped = np.flip(image, [axis + 1 for axis in flip]).copy()
    expected = scored([View(net)], image=flipped)
    found = scored([View(net, [flip])])
    torch.testing.assert_close(found.probs, expected.probs.flip([axis + 2 for axis in flip]))
    torch.testing.assert_close(found.energy, expected.energy.flip([axis + 1 for axis in flip]))


def test_mirrored_views_are_averaged_before_the_softmax() -> None:
    net = network()
    (view,) = mirrored([View(net)])
    found, apart = scored([view]), scored(views([net], mirrors()))
    torch.testing.assert_close(found.energy[0], apart.energy.mean(dim=0))
    logits = apart.probs.log().mean(dim=0)  # a shift of all classes changes no softmax
    torch.testing.assert_close(found.probs[0], logits.softmax(dim=0), atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_mask_is_the_network_with_these_channels_dropped() -> None:
    net = network(dropout=0.5)
    (view,) = dropout(net, 3, seed=7)
    kept = scored([view], SMALL)
    assert view.masks is not None
    weight = net.head.linear.weight.clone()
    for mask, found in zip(view.masks, kept.probs, strict=True):
        net.head.linear.weight.copy_(weight * mask.view(1, -1, 1, 1, 1))
        torch.testing.assert_close(found, scored([View(net)], SMALL).probs[0], atol=1e-5, rtol=1e-4)
    assert kept.probs.std(dim=0).max() > 0.01


def test_any_size_of_volume_and_the_networks_mode_come_back() -> None:
    net = network().train()
    image = scan((9, 21, 13))[0]
    kept = scored([View(net)], Tiling((16, 16, 16)), image)
    assert kept.probs.shape == (1, 3, 9, 21, 13)
    assert net.training


def test_a_diverged_network_gives_nan_and_no_zero() -> None:
    net = network()
    with torch.no_grad():
        net.head.linear.bias[0] = -torch.inf
    assert scored([View(net)]).probs.isnan().all()


@torch.inference_mode()
def test_embeddings_are_the_encoders_means_around_each_middle() -> None:
    nets, image = [network(seed=seed) for seed in (0, 1)], scan((20, 20, 20))[0]
    middles = np.random.default_rng(0).integers(8, 12, (11, 3))
    found = embed(image, middles, (16, 16, 16), nets, CPU)
    z, y, x = middles[9] - 8
    inputs = torch.from_numpy(image[None, :, z : z + 16, y : y + 16, x : x + 16].copy())
    expected = [net._encode(inputs)[-1].mean(dim=(2, 3, 4)) for net in nets]
    assert found.shape == (11, 32)
    torch.testing.assert_close(
        torch.from_numpy(found[9:10]), torch.cat(expected, dim=1), atol=1e-5, rtol=1e-4
    )


@torch.inference_mode()
def test_embeddings_near_the_rim_are_those_of_the_nearest_patch_inside() -> None:
    nets, image = [network()], scan((20, 20, 12))[0]
    rim = embed(image, np.array([[0, 19, 3], [19, 0, 11]]), (16, 16, 16), nets, CPU)
    inside = embed(image, np.array([[8, 12, 6], [12, 8, 6]]), (16, 16, 16), nets, CPU)
    np.testing.assert_array_equal(rim, inside)
